/** `cairn serve`: the inference server, until Ctrl-C. */
import { Command, Option } from 'commander';
import { CliError } from '../cli-error.ts';
import { wholeNumber } from '../parse-option.ts';
import { aborted, onStopSignal } from '../stop-signal.ts';

interface ServeFlags {
  readonly host: string;
  readonly port: number;
  readonly token?: string;
  readonly threads?: number;
}

export function serveCommand(): Command {
  return new Command('serve')
    .description('Serve model folders over the Open Inference Protocol v2, for INFERENCE_BACKEND=remote.')
    .argument('<models>', 'the folder that holds the model folders')
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('--port <port>', 'port; 0 for any free one', wholeNumber(0, 65_535), 8000)
    .addOption(new Option('--token <token>', 'bearer token every call must carry').env('INFERENCE_TOKEN'))
    .option('--threads <number>', 'threads of one run (default: all cores)', wholeNumber(1, 1024))
    .action(serve);
}

async function serve(models: string, { host, port, token, threads }: ServeFlags): Promise<void> {
  using stop = onStopSignal();
  const { startServer } = await import('../../server/index.ts');
  const server = await startServer({
    modelsDir: models,
    host,
    port,
    ...(token !== undefined && { token }),
    ...(threads !== undefined && { threads }),
  }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'EADDRINUSE') throw new CliError(`port ${port} is in use; choose another with --port`);
    throw new CliError(error.message, undefined, { cause: error });
  });
  console.log(`Serving ${server.models.join(', ')} on ${server.url}. Ctrl-C stops.`);
  await aborted(stop.signal);
  await server.close();
}
