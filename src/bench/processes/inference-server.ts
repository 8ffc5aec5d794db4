/** `cairn serve` in a process of its own. Its argument: {@link ServerArguments} as JSON. */
import { fileURLToPath } from 'node:url';
import { startServer } from '../../server/index.ts';

export interface ServerArguments {
  /** Threads per run. */
  readonly threads: number;
  /** Default: those of the project. */
  readonly modelsDir?: string;
  /** Images of every run of exact requests. */
  readonly exactBatchSize?: number;
}

const {
  threads,
  modelsDir = fileURLToPath(new URL('../../../models', import.meta.url)),
  exactBatchSize,
} = JSON.parse(process.argv[2]!) as ServerArguments;

const server = await startServer({
  ...{ modelsDir, host: '127.0.0.1', port: 0, threads },
  ...(exactBatchSize !== undefined && { batching: { exactBatchSize } }),
});
process.send!(server.url);
process.on('disconnect', () => process.exit());
