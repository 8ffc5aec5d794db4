/** `cairn serve`: the inference server, until Ctrl-C. */
import { Command } from 'commander';
import { CliError } from '../cli-error.ts';
import { addBatchFlags, type BatchFlags, batchOptions } from '../serve/batch-flags.ts';
import { addEngineFlags, type EngineFlags, engineOptions } from '../serve/engine-flags.ts';
import { addHttpFlags, type HttpFlags, httpOptions, logOptions } from '../serve/http-flags.ts';

type ServeFlags = HttpFlags & EngineFlags & BatchFlags;

export function serveCommand(): Command {
  const command = new Command('serve')
    .description('Serve model folders over the Open Inference Protocol v2, for INFERENCE_BACKEND=remote.')
    .argument('<models>', 'the folder that holds the model folders');
  return addBatchFlags(addEngineFlags(addHttpFlags(command))).action(serve);
}

async function serve(models: string, flags: ServeFlags): Promise<void> {
  const http = httpOptions(flags);
  const { closeOnSignals, createLog, startServer } = await import('../../server/index.ts');
  const log = createLog(logOptions(flags));
  const server = await startServer({
    modelsDir: models,
    log,
    ...http,
    ...engineOptions(flags),
    ...batchOptions(flags),
  }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'EADDRINUSE')
      throw new CliError(`port ${flags.port} is in use; choose another with --port`);
    throw new CliError(error.message, undefined, { cause: error });
  });
  // Whoever reads the line may stop the server at once.
  const closed = closeOnSignals(server, { log, graceMs: http.graceMs });
  console.log(`Serving ${server.models.join(', ')} on ${server.url}. Ctrl-C stops.`);
  await closed;
}
