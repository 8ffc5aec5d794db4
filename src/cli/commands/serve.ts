/** `cairn serve`: the inference server, until Ctrl-C. */
import { Command } from 'commander';
import { CliError } from '../cli-error.ts';
import { wholeNumber } from '../parse-option.ts';
import { addHttpFlags, type HttpFlags, httpOptions, logOptions } from '../serve/http-flags.ts';

interface ServeFlags extends HttpFlags {
  readonly threads?: number;
}

export function serveCommand(): Command {
  const command = new Command('serve')
    .description('Serve model folders over the Open Inference Protocol v2, for INFERENCE_BACKEND=remote.')
    .argument('<models>', 'the folder that holds the model folders');
  return addHttpFlags(command)
    .option('--threads <number>', 'threads of one run (default: all cores)', wholeNumber(1, 1024))
    .action(serve);
}

async function serve(models: string, flags: ServeFlags): Promise<void> {
  const { threads, port } = flags;
  const http = httpOptions(flags);
  const { closeOnSignals, createLog, startServer } = await import('../../server/index.ts');
  const log = createLog(logOptions(flags));
  const server = await startServer({
    ...{ modelsDir: models, log, ...http },
    ...(threads !== undefined && { threads }),
  }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'EADDRINUSE') throw new CliError(`port ${port} is in use; choose another with --port`);
    throw new CliError(error.message, undefined, { cause: error });
  });
  console.log(`Serving ${server.models.join(', ')} on ${server.url}. Ctrl-C stops.`);
  await closeOnSignals(server, { log, graceMs: http.graceMs });
}
