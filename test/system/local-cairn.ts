/** A Cairn of its own process group, started as `npm start` starts it. */
import { CairnClient, type SampleRequest } from '../../src/client/index.ts';
import { type RunningScript, runScript } from './npm-script.ts';
import { createAll, type Pictures, picturesOf } from './outputs.ts';

export interface StartingCairn extends RunningScript {
  /** Resolves when requests are answered. */
  client(): Promise<CairnClient>;
}

export interface CairnPlace {
  readonly data: string;
  readonly port: number;
  /** Lets DevTools look into the Worker. */
  readonly inspect?: true;
  readonly env?: Readonly<Record<string, string>>;
}

export function startCairn({ data, port, inspect, env }: CairnPlace): StartingCairn {
  const flags = ['--port', String(port), '--data', data];
  if (inspect) flags.push('--inspect');
  const script = runScript('start', flags, env);
  return {
    ...script,
    client: async () => {
      const [, url] = await script.line(/Cairn is listening on (http:\S+)/);
      const [, apiKey] = await script.line(/API key for development: (\S+)/);
      return new CairnClient(url!, { apiKey: apiKey! });
    },
  };
}

/** Ends it as Ctrl-C does. @returns the exit code */
export async function stopCairn(cairn: RunningScript): Promise<number | null> {
  cairn.signal('SIGINT');
  return cairn.exit();
}

/** What these requests give when nothing is killed. */
export async function drawUndisturbed(
  place: CairnPlace,
  requests: readonly SampleRequest[],
): Promise<Pictures[]> {
  const cairn = startCairn(place);
  const client = await cairn.client();
  const pictures = await picturesOf(client, await createAll(client, requests));
  if ((await stopCairn(cairn)) !== 0) throw new Error(`Cairn did not stop cleanly:\n${cairn.output()}`);
  return pictures;
}
