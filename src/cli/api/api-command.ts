/** What every command that speaks to the API has in common: where it is, the key, --json, Ctrl-C, and errors. */
import { Command, Option } from 'commander';
import { CairnClient, CairnError } from '../../client/index.ts';
import { CliError, EXIT_USAGE } from '../cli-error.ts';
import { interrupted, onStopSignal } from '../stop-signal.ts';
import { DEFAULT_API, findKey } from './connection.ts';

export interface ApiContext {
  readonly client: CairnClient;
  /** Fires at Ctrl-C. */
  readonly signal: AbortSignal;
  /** One JSON document on stdout, and nothing else there. */
  readonly json: boolean;
}

export interface ConnectionFlags {
  readonly api: string;
  readonly key?: string;
}

interface ApiFlags extends ConnectionFlags {
  readonly json?: true;
}

/** @param flags of the request, by its field: names the flag in the API's complaint */
export type FlagNames = Readonly<Record<string, string>>;

export function apiCommand(name: string, description: string): Command {
  return addConnectionFlags(new Command(name).description(description)).option(
    '--json',
    'print one JSON document, as the API answers, and nothing else',
  );
}

export function addConnectionFlags(command: Command): Command {
  return command
    .addOption(new Option('--api <url>', 'where Cairn answers').env('CAIRN_API_URL').default(DEFAULT_API))
    .addOption(
      new Option(
        '--key <key>',
        'API key; on this machine the one that `npm start` keeps in its data folder is found',
      ).env('CAIRN_API_KEY'),
    );
}

/** @throws {CliError} 2 for an --api that is no URL */
export async function connect({ api, key }: ConnectionFlags): Promise<CairnClient> {
  if (!URL.canParse(api) || !/^https?:$/.test(new URL(api).protocol)) {
    throw new CliError(`--api: "${api}" is no URL; expected one like ${DEFAULT_API}`, EXIT_USAGE);
  }
  const apiKey = key ?? (await findKey(api));
  return new CairnClient(api, apiKey === undefined ? {} : { apiKey });
}

/**
 * The action of a command: arguments and flags come as commander gives them.
 *
 * @throws {CliError} 1 if the API refuses or does not answer, 2 if it refuses a value, 130 after Ctrl-C
 */
export function withApi<Flags, Args extends string[] = string[]>(
  run: (context: ApiContext, flags: Flags, ...args: Args) => Promise<void>,
  names: FlagNames = {},
): (...received: unknown[]) => Promise<void> {
  return async (...received) => {
    const flags = received.at(-2) as ApiFlags & Flags;
    const args = received.slice(0, -2) as Args;
    const client = await connect(flags);
    using stop = onStopSignal();
    try {
      await run({ client, signal: stop.signal, json: flags.json ?? false }, flags, ...args);
    } catch (error) {
      throw stop.signal.aborted ? interrupted() : explainApiError(error, flags.api, names);
    }
  };
}

/** For people: what was wrong, and what to do about it. */
export function explainApiError(error: unknown, api: string, names: FlagNames = {}): unknown {
  if (error instanceof CairnError) {
    const hint = error.type === 'unauthorized' ? '; give a key with --key or CAIRN_API_KEY' : '';
    const where = error.requestId === null || error.status < 500 ? '' : ` (request ${error.requestId})`;
    const exitCode = error.status === 422 || error.status === 400 ? EXIT_USAGE : undefined;
    return new CliError(`${messageOf(error, names)}${hint}${where}`, exitCode, { cause: error });
  }
  if (error instanceof TypeError && error.message.includes('fetch failed')) {
    const message = `nothing answers at ${api}; start Cairn with \`npm start\`, or name another with --api`;
    return new CliError(message, undefined, { cause: error });
  }
  return error;
}

function messageOf({ problem, message }: CairnError, names: FlagNames): string {
  if (problem?.errors === undefined) return message;
  return problem.errors
    .map(({ pointer, detail }) => {
      const named = pointer.split(/[/?]/).find((field) => Object.hasOwn(names, field));
      return `${named === undefined ? pointer || 'the request' : names[named]}: ${detail}`;
    })
    .join('; ');
}

/** @param text for people; the document is for programs */
export function print({ json }: ApiContext, document: unknown, text: string): void {
  console.log(json ? JSON.stringify(document, null, 2) : text);
}
