/** `cairn start`: Cairn on this machine, until Ctrl-C. */
import { Command } from 'commander';
import type { LocalRuntime } from '../local/runtime.ts';
import { wholeNumber } from '../parse-option.ts';
import { aborted, onStopSignal } from '../stop-signal.ts';

interface StartOptions {
  readonly port: number;
  readonly data: string;
  readonly inspect?: true;
}

export function startCommand(): Command {
  return new Command('start')
    .description('Run Cairn on this machine until Ctrl-C; unfinished jobs go on where they were.')
    .option('--port <port>', 'port on 127.0.0.1; 0 for any free one', wholeNumber(0, 65_535), 8787)
    .option('--data <folder>', 'keeps jobs and images across restarts', '.cairn')
    .option('--inspect', 'let DevTools look into the Worker, on any free port of 127.0.0.1')
    .action(start);
}

async function start({ port, data, inspect }: StartOptions): Promise<void> {
  using stop = onStopSignal();
  // Imported here: it stands on packages for development, which a server's installation does without.
  const { startLocalRuntime } = await import('../local/runtime.ts');
  const runtime = await startLocalRuntime({ data, port, inspect: inspect ?? false });
  try {
    console.log(welcome(runtime, data));
    if (runtime.inspector !== null) console.log(`For DevTools (chrome://inspect): ${runtime.inspector}`);
    await aborted(stop.signal);
    console.log('Stopping: unfinished jobs go on at the next start.');
  } finally {
    await runtime.stop();
  }
}

function welcome({ url, apiKey, webhookSecret }: LocalRuntime, data: string): string {
  const body = JSON.stringify({ model: 'mnist-32', classes: [3, 1, 4], seed: 7 });
  return `Cairn is listening on ${url} (data in ${data}, webhooks signed with ${webhookSecret}).
API key for development: ${apiKey}
In a browser: ${url}/#key=${apiKey}
Try:
  curl ${url}/v1/samples -H 'Authorization: Bearer ${apiKey}' -H 'Content-Type: application/json' -d '${body}'
The answer names the links to follow. Ctrl-C stops.`;
}
