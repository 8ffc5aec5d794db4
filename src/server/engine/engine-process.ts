/** One engine process, seen from the server. */
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';
import { viewBytes } from '../../inference/oip/datatype.ts';
import type { NamedTensor } from '../../inference/oip/tensor.ts';
import type { BufferPool } from '../http/buffer-pool.ts';
import type { Log } from '../log/log.ts';
import { allocatorEnvironment } from './allocator-environment.ts';
import { EngineError, ProviderError } from './engine-error.ts';
import { bytesOf, Exchange, type TensorPlace } from './exchange.ts';
import { limitMemory } from './memory-limit.ts';
import type { FromEngine, GraphName, LoadMessage, ToEngine } from './messages.ts';
import { explainProvider } from './provider-help.ts';

const MAIN = fileURLToPath(new URL('main.ts', import.meta.url));
/** Lines of standard error that are kept to explain an end. */
const KEPT_LINES = 20;
/** A process that is to end by itself gets this long. */
const STOP_MS = 2000;

export type EngineLog = Pick<Log, 'info' | 'warn'>;

export interface ProcessOptions {
  /** Longest run in milliseconds; then the process is killed. */
  readonly runLimitMs: number;
  /** Most resident memory in bytes; a process that has more is killed. Null for no limit. */
  readonly memoryLimitBytes: number | null;
  /** Gives the memory that outputs are read into. */
  readonly pool: BufferPool;
  /** Also gets what onnxruntime writes, line by line. */
  readonly log: EngineLog;
}

export class EngineProcess {
  /** Settles when the process is gone, with the reason. */
  readonly exited: Promise<string>;
  readonly #child: ChildProcess;
  readonly #exchange: Exchange;
  readonly #options: ProcessOptions;
  readonly #stderr: string[] = [];
  /** What the process has of each input, by name; a tensor is never changed. */
  readonly #sent = new Map<string, WeakRef<NamedTensor>>();
  #answered: ((answer: FromEngine | null) => void) | null = null;
  #killedFor: string | null = null;
  #gone: string | null = null;

  private constructor({ graphs }: LoadMessage, options: ProcessOptions) {
    this.#options = options;
    this.#exchange = Exchange.create();
    this.#child = spawn(process.execPath, [MAIN], {
      env: { ...allocatorEnvironment(graphs.map(({ file }) => file)), ...process.env },
      // The last one's number is EXCHANGE_FD.
      stdio: ['ignore', 'inherit', 'pipe', 'ipc', this.#exchange.fd],
    });
    this.#child.on('message', (answer: FromEngine) => this.#settle(answer));
    this.exited = this.#watchExit();
    const unlimit = this.#limitMemory();
    this.exited.then((reason) => {
      unlimit();
      this.#gone = reason;
      this.#exchange.close();
      this.#settle(null);
    });
  }

  /**
   * Starts a process and loads the graphs.
   *
   * @param signal ends it before it has loaded them
   * @throws {ProviderError} if this machine has not what the model is to run on
   * @throws {Error} if a graph is not the one described or can't be loaded
   */
  static async start(
    load: LoadMessage,
    options: ProcessOptions,
    signal: AbortSignal,
  ): Promise<EngineProcess> {
    const started = new EngineProcess(load, options);
    const answer = await started.killedBy(signal, () => started.#ask(load));
    if (answer?.kind === 'loaded') return started;
    started.kill('it could not load its graphs');
    // All of its standard error is here after that.
    const end = await started.exited;
    if (answer?.kind !== 'failed') throw new Error(`the engine ended while it loaded: ${end}`);
    if (answer.of !== 'provider') throw new Error(answer.reason);
    throw new ProviderError(
      explainProvider(load.settings.provider, answer.reason, started.#stderr.join('\n')),
    );
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /**
   * Runs a graph. One run at a time.
   *
   * @param limitMs in the place of the usual limit
   * @throws {EngineError} if the process ended before the answer
   * @throws {Error} if onnxruntime refuses the run
   */
  async run(
    graph: GraphName,
    inputs: readonly NamedTensor[],
    wanted: readonly string[],
    limitMs = this.#options.runLimitMs,
  ): Promise<NamedTensor[]> {
    this.#refuseIfGone();
    const isHeld = (tensor: NamedTensor) => this.#sent.get(tensor.name)?.deref() === tensor;
    const held = inputs.filter(isHeld).map(({ name }) => name);
    const fresh = inputs.filter((tensor) => !isHeld(tensor));
    const before = [...this.#sent];
    // Until it has answered, nothing is certain.
    this.#sent.clear();
    const places = await this.#exchange.put(fresh, 0);
    const limit = setTimeout(() => this.kill(`a run took longer than ${limitMs / 1000} s`), limitMs);
    try {
      const answer = await this.#ask({ kind: 'run', graph, inputs: places, held, wanted });
      if (answer?.kind === 'ran') {
        for (const [name, tensor] of before) this.#sent.set(name, tensor);
        for (const tensor of fresh) this.#sent.set(tensor.name, new WeakRef(tensor));
        return await this.#exchange.take(answer.outputs, this.#room);
      }
      if (answer?.kind === 'failed') throw new Error(answer.reason);
      throw new EngineError(`the engine ended during the run: ${this.#gone}`);
    } finally {
      clearTimeout(limit);
    }
  }

  /** Memory of answers that have left: fresh pages take longer than the copy into them. */
  readonly #room = (place: TensorPlace): NamedTensor['data'] => {
    const bytes = bytesOf(place);
    return viewBytes(place.datatype, new Uint8Array(this.#options.pool.take(bytes), 0, bytes));
  };

  /** Ends it when the signal fires before the task is done. */
  async killedBy<T>(signal: AbortSignal, task: () => Promise<T>): Promise<T> {
    const abort = () => this.kill('it is no longer needed');
    signal.addEventListener('abort', abort);
    if (signal.aborted) abort();
    try {
      return await task();
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  /** Ends it now, also in the middle of a run. */
  kill(reason: string): void {
    this.#killedFor ??= reason;
    this.#child.kill('SIGKILL');
  }

  /** Lets it end by itself, or kills it if it is in the middle of a run. */
  async stop(): Promise<void> {
    if (this.#answered !== null) this.kill('it was stopped');
    if (this.#child.connected) this.#child.disconnect();
    const timer = setTimeout(() => this.kill('it did not stop'), STOP_MS);
    await this.exited;
    clearTimeout(timer);
  }

  #ask(message: ToEngine): Promise<FromEngine | null> {
    this.#refuseIfGone();
    return new Promise((resolve) => {
      this.#answered = resolve;
      // A channel that is broken closes the process, which settles it.
      this.#child.send(message, () => {});
    });
  }

  #settle(answer: FromEngine | null): void {
    this.#answered?.(answer);
    this.#answered = null;
  }

  #refuseIfGone(): void {
    if (this.#gone !== null) throw new EngineError(`the engine has ended: ${this.#gone}`);
  }

  /** Node's own `close` event does not come after a disconnect from this side. */
  async #watchExit(): Promise<string> {
    const { stderr } = this.#child;
    const heard = new Promise<void>((resolve) => stderr?.once('close', resolve));
    stderr?.setEncoding('utf8').on('data', (text: string) => this.#heard(text));
    const reason = await new Promise<string>((resolve) => {
      this.#child.on('error', (error) => resolve(error.message));
      this.#child.on('exit', (code, signal) => resolve(this.#endOf(code, signal)));
    });
    await heard;
    return reason;
  }

  #limitMemory(): () => void {
    const { memoryLimitBytes } = this.#options;
    if (memoryLimitBytes === null || this.pid === undefined) return () => {};
    const megabytes = (bytes: number) => `${Math.round(bytes / 2 ** 20)} MiB`;
    return limitMemory(this.pid, memoryLimitBytes, (bytes) =>
      this.kill(
        `it had ${megabytes(bytes)} of memory, more than the limit of ${megabytes(memoryLimitBytes)}`,
      ),
    );
  }

  #heard(text: string): void {
    for (const line of stripVTControlCharacters(text).split('\n')) {
      if (line.trim() === '') continue;
      this.#stderr.push(line);
      if (this.#stderr.length > KEPT_LINES) this.#stderr.shift();
      this.#options.log.info(line);
    }
  }

  #endOf(code: number | null, signal: NodeJS.Signals | null): string {
    if (this.#killedFor !== null) return this.#killedFor;
    return signal === null ? `it exited with ${code}` : `it was killed by ${signal}`;
  }
}
