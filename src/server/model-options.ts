/** What an operator can say about running and watching the models, and what applies if nothing is said. */
import type { ExecutionProvider } from '../models/manifest.ts';
import { canLimitMemory } from './engine/memory-limit.ts';
import type { BufferPool } from './http/buffer-pool.ts';
import type { RepositoryOptions } from './model-repository.ts';

export interface ModelOptions {
  /** onnxruntime's execution provider for every model; by default what its model.json says, else cpu. */
  readonly provider?: ExecutionProvider;
  /** Number of the GPU, for cuda and tensorrt; by default what model.json says, else 0. */
  readonly device?: number;
  /** Threads of one run; by default what model.json says, else all cores. */
  readonly threads?: number;
  /** Keep the memory of a run for the next one. Default true. */
  readonly arena?: boolean;
  /** Engine processes of each model, every one with the whole model in memory. Default 1. */
  readonly engines?: number;
  /** Longest run in milliseconds; then its engine is killed and replaced. Default 5 minutes. */
  readonly runLimitMs?: number;
  /** Most resident memory of an engine process in bytes; beyond it is killed and replaced. Default: no limit. */
  readonly engineMemoryBytes?: number;
  /** Follow changes of the models folder. Default true. */
  readonly watch?: boolean;
}

/** @throws {Error} for a limit that this system can't keep */
export function repositoryOptions(
  options: ModelOptions,
  pool: BufferPool,
): Pick<RepositoryOptions, 'engine' | 'settings' | 'settleMs' | 'lingerMs' | 'watch'> {
  const { provider, device, threads, arena, engineMemoryBytes = null } = options;
  if (engineMemoryBytes !== null && !canLimitMemory()) {
    throw new Error('the memory of an engine can only be limited where there is /proc, as on Linux');
  }
  return {
    settings: { provider, device, threads, arena },
    engine: {
      slots: options.engines ?? 1,
      runLimitMs: options.runLimitMs ?? 300_000,
      memoryLimitBytes: engineMemoryBytes,
      pool,
      restartMs: 500,
    },
    settleMs: 300,
    lingerMs: 5000,
    watch: options.watch === false ? null : { debounceMs: 200, pollMs: 5000 },
  };
}
