/** A model repository as the server has one, that looks for changes often and keeps its lines. */
import { Batcher } from '../../src/server/batching/index.ts';
import { BufferPool } from '../../src/server/http/buffer-pool.ts';
import { type ModelOptions, repositoryOptions } from '../../src/server/model-options.ts';
import { ModelRepository, type RepositoryOptions } from '../../src/server/model-repository.ts';

export async function openRepository(
  modelsDir: string,
  flags: ModelOptions = {},
  options: Partial<RepositoryOptions> = {},
): Promise<{ repository: ModelRepository; lines: string[] }> {
  const lines: string[] = [];
  const batcher = new Batcher();
  const repository = new ModelRepository(modelsDir, {
    ...repositoryOptions({ threads: 1, ...flags }, new BufferPool(2 ** 26)),
    watch: { debounceMs: 20, pollMs: 200 },
    settleMs: 50,
    lingerMs: 100,
    maxBatchSize: null,
    exactBatchSize: null,
    serve: (family) => batcher.serve(family),
    log: { info: (line) => lines.push(line), warn: (line) => lines.push(line) },
    ...options,
  });
  await repository.load();
  return { repository, lines };
}
