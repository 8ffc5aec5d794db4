/** A model folder in service: its engine, and the models on the wire that it gives. */
import type { ModelFamily, ServedFamily } from './batching/options.ts';
import { Engine, type EngineOptions } from './engine/engine.ts';
import type { EngineLog } from './engine/engine-process.ts';
import type { GraphSpec } from './engine/messages.ts';
import { type SettingsFlags, settingsFor } from './engine/session-settings.ts';
import { readManifest } from './model-folder.ts';
import type { ModelRunner } from './model-runner.ts';
import { signaturesOf } from './signatures.ts';

export interface LoadOptions {
  readonly engine: Omit<EngineOptions, 'warmUpSizes' | 'log' | 'onRestart'>;
  readonly settings: SettingsFlags;
  /** Largest batch that a graph is given; null for each model's own largest. */
  readonly maxBatchSize: number | null;
  /** Size of every run of exact requests, if they share one. */
  readonly exactBatchSize: number | null;
  /** Puts the queue in front of a model's graphs. */
  readonly serve: (family: ModelFamily) => ServedFamily;
  readonly log: EngineLog;
  /** An engine of the model was replaced after it had ended by itself. */
  readonly engineRestarted?: (model: string) => void;
}

export class LoadedModel {
  /** Of the model folder. */
  readonly id: string;
  readonly runners: readonly ModelRunner[];
  readonly #engine: Engine;
  readonly #family: ServedFamily;

  private constructor(id: string, engine: Engine, family: ServedFamily) {
    this.id = id;
    this.runners = family.runners;
    this.#engine = engine;
    this.#family = family;
  }

  /**
   * Reads a folder, checks its files against their digests, loads and warms up its graphs. That is done in a process of
   * its own: whatever else is served goes on meanwhile.
   *
   * @param signal gives up
   * @throws {ProviderError} if this machine has not what the model is to run on
   * @throws {Error} if the folder is no good
   */
  static async open(folder: string, options: LoadOptions, signal: AbortSignal): Promise<LoadedModel> {
    const manifest = await readManifest(folder);
    const { diffusion, classifier, guided } = signaturesOf(manifest);
    const graphs: GraphSpec[] = [
      { graph: 'diffusion', file: manifest.graphs.diffusion, signature: diffusion },
    ];
    if (manifest.graphs.gradient !== undefined && classifier !== null) {
      graphs.push({ graph: 'gradient', file: manifest.graphs.gradient, signature: classifier });
    }
    const largest = options.maxBatchSize ?? manifest.max_batch_size;
    const engine = await Engine.open(
      { folder, graphs, settings: settingsFor(manifest, options.settings) },
      {
        ...options.engine,
        // The largest first: if memory does not last for it, that shows now and not in the middle of a night, and
        // smaller runs fit into what it has left.
        warmUpSizes: warmUpSizes(largest, options.exactBatchSize),
        log: logOf(manifest.id, options.log),
        onRestart: () => options.engineRestarted?.(manifest.id),
      },
      signal,
    );
    const part = (name: 'diffusion' | 'gradient') => {
      const graph = engine.session(name);
      return graph && { graph, signature: graph.signature };
    };
    const family = options.serve({
      id: manifest.id,
      engine,
      diffusion: part('diffusion')!,
      gradient: part('gradient'),
      signatures: [diffusion, classifier, guided].filter((signature) => signature !== null),
    });
    return new LoadedModel(manifest.id, engine, family);
  }

  /** Resident memory of its engines in bytes; null where the system does not tell. */
  engineBytes(): Promise<number | null> {
    return this.#engine.residentBytes();
  }

  /** False while its engine is being replaced. */
  get ready(): boolean {
    return this.#engine.ready;
  }

  get names(): string[] {
    return this.runners.map(({ signature }) => signature.name);
  }

  /**
   * Answers what it has taken on, then frees everything.
   *
   * @param hurry when it fires, what is not answered yet fails
   */
  async close(hurry: AbortSignal): Promise<void> {
    await Promise.race([this.#family.drain(), aborted(hurry)]);
    await this.#engine.close();
  }
}

/** What the largest batch takes, what a run of exact requests has, and what a lone request gets; the largest first. */
export function warmUpSizes(largest: number, exact: number | null): number[] {
  return [...new Set([largest, exact ?? 1, 1])].toSorted((a, b) => b - a);
}

/** Says whose engine it is. */
function logOf(model: string, log: EngineLog): EngineLog {
  return { info: (line) => log.info(line, { model }), warn: (line) => log.warn(line, { model }) };
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
