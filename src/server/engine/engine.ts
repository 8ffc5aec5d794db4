/** What runs the graphs of one model folder: one engine process or several, replaced when they end. */
import type { NamedTensor } from '../../inference/oip/tensor.ts';
import type { TensorsByName } from '../model-runner.ts';
import { EngineError } from './engine-error.ts';
import { EngineSlot, type SlotOptions } from './engine-slot.ts';
import { canLimitMemory, residentBytes } from './memory-limit.ts';
import type { GraphName, GraphSignature, GraphSpec } from './messages.ts';
import type { SessionSettings } from './session-settings.ts';

export interface EngineOptions extends SlotOptions {
  /** Processes, each with the whole model in its memory, and so runs at a time. */
  readonly slots: number;
}

export interface EngineModel {
  readonly folder: string;
  readonly graphs: readonly GraphSpec[];
  readonly settings: SessionSettings;
}

/** One graph, as the queue in front of it sees it. */
export interface GraphSession {
  readonly signature: GraphSignature;
  /**
   * Runs the graph on the inputs that are its own; the others are ignored.
   *
   * @throws {EngineError} if the engine fails, and not the run
   */
  run(inputs: TensorsByName, wanted: readonly string[]): Promise<NamedTensor[]>;
}

export class Engine {
  readonly #slots: readonly EngineSlot[];
  readonly #model: EngineModel;
  readonly #waiting: Turn[] = [];
  readonly #listeners: (() => void)[] = [];

  private constructor(model: EngineModel, options: EngineOptions) {
    this.#model = model;
    const load = { kind: 'load', ...model } as const;
    this.#slots = Array.from(
      { length: options.slots },
      () => new EngineSlot(load, options, () => this.#changed()),
    );
  }

  /**
   * Starts the processes, loads the model into each and warms it up.
   *
   * @param signal gives up
   * @throws {ProviderError} if this machine has not what the model is to run on
   * @throws {Error} if the model can't be loaded or run
   */
  static async open(model: EngineModel, options: EngineOptions, signal: AbortSignal): Promise<Engine> {
    const engine = new Engine(model, options);
    const giveUp = () => void engine.close();
    signal.addEventListener('abort', giveUp);
    try {
      // The first alone: if the model is bad, one process is enough to see it.
      const [first, ...others] = engine.#slots;
      await first!.open();
      await Promise.all(others.map((slot) => slot.open()));
    } catch (error) {
      await engine.close();
      throw error;
    } finally {
      signal.removeEventListener('abort', giveUp);
    }
    return engine;
  }

  /** Whether a run would begin, now or as soon as others are done. */
  get ready(): boolean {
    return this.#slots.some(({ state }) => state.is === 'ready');
  }

  /** Whether a run would have to wait for a process that is being started. */
  get starting(): boolean {
    return !this.ready && this.#slots.some(({ state }) => state.is === 'starting');
  }

  /** @param listener called when {@link starting} may have changed */
  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** Resident memory of the processes that are ready, in bytes; null where the system does not tell. */
  async residentBytes(): Promise<number | null> {
    if (!canLimitMemory()) return null;
    const bytes = await Promise.all(this.pids.map(residentBytes));
    return bytes.reduce<number>((sum, one) => sum + (one ?? 0), 0);
  }

  /** Ids of the processes that are ready. */
  get pids(): number[] {
    return this.#slots.flatMap(({ state }) => (state.is === 'ready' ? [state.process.pid ?? []].flat() : []));
  }

  /** @returns null if the model has no such graph */
  session(graph: GraphName): GraphSession | null {
    const signature = this.#model.graphs.find((spec) => spec.graph === graph)?.signature;
    if (signature === undefined) return null;
    return {
      signature,
      run: async (inputs, wanted) => {
        const own = signature.inputs.map(({ name }) => inputs.get(name)!);
        const slot = await this.#take();
        try {
          return await slot.run(graph, own, wanted);
        } finally {
          slot.busy = false;
          this.#dispatch();
        }
      },
    };
  }

  /** Frees the model. What still runs is cut off. */
  async close(): Promise<void> {
    await Promise.all(this.#slots.map((slot) => slot.close()));
    this.#changed();
  }

  #changed(): void {
    this.#dispatch();
    for (const listener of this.#listeners) listener();
  }

  /** A slot to run in, and nobody else. A start that is under way is waited for, one that has failed is not. */
  #take(): Promise<EngineSlot> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#dispatch();
    });
  }

  #dispatch(): void {
    for (const slot of this.#slots) {
      if (this.#waiting.length === 0) return;
      if (slot.busy || slot.state.is !== 'ready') continue;
      slot.busy = true;
      this.#waiting.shift()!.resolve(slot);
    }
    if (this.#slots.some(({ state }) => state.is === 'ready' || state.is === 'starting')) return;
    const state = this.#slots.map((slot) => slot.state).find(({ is }) => is === 'down');
    const reason =
      state?.is === 'down' ? `the engine is down: ${state.reason}` : 'the model is no longer served';
    for (const { reject } of this.#waiting.splice(0)) reject(new EngineError(reason));
  }
}

interface Turn {
  resolve(slot: EngineSlot): void;
  reject(error: EngineError): void;
}
