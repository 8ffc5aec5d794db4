/** A place for one engine process of a model, which gets a new one when the old one ends. */
import { setTimeout as delay } from 'node:timers/promises';
import type { NamedTensor } from '../../inference/oip/tensor.ts';
import type { BufferPool } from '../http/buffer-pool.ts';
import { EngineError } from './engine-error.ts';
import { type EngineLog, EngineProcess } from './engine-process.ts';
import type { GraphName, LoadMessage } from './messages.ts';
import { warmUp } from './warm-up.ts';

export interface SlotOptions {
  /** Longest run in milliseconds. */
  readonly runLimitMs: number;
  /** Most resident memory of a process; null for no limit. */
  readonly memoryLimitBytes: number | null;
  readonly pool: BufferPool;
  /** Batch sizes that a process runs before it is given work. */
  readonly warmUpSizes: readonly number[];
  readonly log: EngineLog;
  /** Wait before a second start in a row, in milliseconds; it doubles with each one that fails. */
  readonly restartMs: number;
  /** A process has ended by itself, and another one takes its place. */
  readonly onRestart?: () => void;
}

const MOST_RESTART_MS = 30_000;

export type SlotState =
  | { readonly is: 'ready'; readonly process: EngineProcess }
  | { readonly is: 'starting' }
  /** No process: the last start failed, and another one will be tried. */
  | { readonly is: 'down'; readonly reason: string }
  | { readonly is: 'closed' };

export class EngineSlot {
  busy = false;
  #state: SlotState = { is: 'starting' };
  readonly #load: LoadMessage;
  readonly #options: SlotOptions;
  readonly #changed: () => void;
  readonly #closing = new AbortController();

  /** @param changed called when the state has changed */
  constructor(load: LoadMessage, options: SlotOptions, changed: () => void) {
    this.#load = load;
    this.#options = options;
    this.#changed = changed;
  }

  get state(): SlotState {
    return this.#state;
  }

  /** @throws {Error} if the first process can't load the model or run it */
  async open(): Promise<void> {
    this.#serve(await this.#start());
  }

  /**
   * @throws {EngineError} if the process ends meanwhile, or, on a GPU, if the run fails
   * @throws {Error} if onnxruntime refuses the run
   */
  async run(
    graph: GraphName,
    inputs: readonly NamedTensor[],
    wanted: readonly string[],
  ): Promise<NamedTensor[]> {
    if (this.#state.is !== 'ready') throw new EngineError('the engine is being started');
    const { process } = this.#state;
    try {
      return await process.run(graph, inputs, wanted);
    } catch (error) {
      if (error instanceof EngineError || this.#load.settings.provider === 'cpu') throw error;
      // After an error on the card its context may be unusable for good; a new process has a new one.
      const reason = error instanceof Error ? error.message : String(error);
      process.kill(`a run failed on ${this.#load.settings.provider}: ${reason}`);
      throw new EngineError(reason);
    }
  }

  /** What runs is cut off. */
  async close(): Promise<void> {
    const state = this.#state;
    this.#state = { is: 'closed' };
    this.#closing.abort();
    if (state.is === 'ready') await state.process.stop();
  }

  async #start(): Promise<EngineProcess> {
    const { runLimitMs, memoryLimitBytes, pool, warmUpSizes, log } = this.#options;
    const { signal } = this.#closing;
    const process = await EngineProcess.start(
      this.#load,
      { runLimitMs, memoryLimitBytes, pool, log },
      signal,
    );
    try {
      await process.killedBy(signal, () => warmUp(process, this.#load, warmUpSizes));
    } catch (error) {
      process.kill('it could not be warmed up');
      throw error;
    }
    return process;
  }

  #serve(process: EngineProcess): void {
    if (this.#state.is === 'closed') {
      void process.stop();
      return;
    }
    this.#become({ is: 'ready', process });
    process.exited.then((reason) => {
      if (this.#state.is === 'closed') return;
      this.#options.log.warn(`the engine has ended: ${reason}; starting another`);
      this.#options.onRestart?.();
      void this.#restart();
    });
  }

  async #restart(): Promise<void> {
    for (let wait = this.#options.restartMs; ; wait = Math.min(2 * wait, MOST_RESTART_MS)) {
      this.#become({ is: 'starting' });
      try {
        this.#serve(await this.#start());
        return;
      } catch (error) {
        if (this.#closing.signal.aborted) return;
        const reason = error instanceof Error ? error.message : String(error);
        this.#options.log.warn(`the engine did not start: ${reason}; next try in ${wait / 1000} s`);
        this.#become({ is: 'down', reason });
      }
      await delay(wait, undefined, { signal: this.#closing.signal }).catch(() => {});
      if (this.#closing.signal.aborted) return;
    }
  }

  #become(state: SlotState): void {
    if (this.#state.is === 'closed') return;
    this.#state = state;
    this.#changed();
  }
}
