/** What tests of the batcher use in place of the clock and of an engine. */
import type { NamedTensor } from '../../../src/inference/oip/tensor.ts';
import { InferenceSession, Tensor } from '../../../src/onnx/onnxruntime.ts';
import {
  Batcher,
  type BatcherOptions,
  type BatchRun,
  type FailureReason,
  type Graph,
  type ModelFamily,
  type Timers,
} from '../../../src/server/batching/index.ts';
import { DEFAULT_SCHEDULE, type RunTiming, type Schedule } from '../../../src/server/model-runner.ts';
import { signaturesOf } from '../../../src/server/signatures.ts';
import { CLASSES, IMAGE, tinyDiffusion, tinyGradient, tinyManifest } from '../tiny-model.ts';

export const PIXELS = IMAGE.channels * IMAGE.height * IMAGE.width;

/** Lets everything happen that waits for nothing but its turn. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 8; i++) await new Promise((resolve) => setImmediate(resolve));
}

/** Time that stands still until it is moved. */
export class FakeTimers implements Timers {
  #now = 0;
  #tasks: { at: number; task: () => void }[] = [];

  now(): number {
    return this.#now;
  }

  after(ms: number, task: () => void): () => void {
    const entry = { at: this.#now + ms, task };
    this.#tasks.push(entry);
    return () => {
      this.#tasks = this.#tasks.filter((other) => other !== entry);
    };
  }

  soon(task: () => void): void {
    setImmediate(task);
  }

  async advance(ms: number): Promise<void> {
    await settle();
    this.#now += ms;
    const due = this.#tasks.filter(({ at }) => at <= this.#now);
    this.#tasks = this.#tasks.filter(({ at }) => at > this.#now);
    for (const { task } of due) task();
    await settle();
  }

  get pending(): number {
    return this.#tasks.length;
  }
}

/** A graph in onnxruntime on one thread. */
export async function openGraph(bytes: Uint8Array): Promise<Graph> {
  const session = await InferenceSession.create(bytes, { intraOpNumThreads: 1 });
  return {
    run: async (inputs, wanted) => {
      const feeds = session.inputNames.map((name) => {
        const { datatype, data, shape } = inputs.get(name)!;
        const type = datatype === 'INT32' ? 'int32' : 'float32';
        return [name, new Tensor(type, data as Float32Array, shape)] as const;
      });
      const results = await session.run(Object.fromEntries(feeds), wanted);
      return wanted.map((name) => {
        const { data, dims } = results[name]!;
        return { name, datatype: 'FP32', shape: dims, data: data as Float32Array };
      });
    },
  };
}

export interface GraphCall {
  readonly graph: 'diffusion' | 'gradient';
  readonly rows: number;
  /** Of each row, so that tests can name rows by them. */
  readonly timesteps: readonly number[];
  readonly inputs: ReadonlyMap<string, NamedTensor>;
  readonly wanted: readonly string[];
}

/** A graph that notes its runs, waits for leave to go on and may be made to fail. */
export function watched(
  name: GraphCall['graph'],
  graph: Graph,
  calls: GraphCall[],
  before: (call: GraphCall) => Promise<void> | void,
): Graph {
  return {
    run: async (inputs, wanted) => {
      const timesteps = [...(inputs.get('timestep')!.data as Float32Array)];
      const call = { graph: name, rows: timesteps.length, timesteps, inputs, wanted };
      calls.push(call);
      await before(call);
      return graph.run(inputs, wanted);
    },
  };
}

export interface BenchOptions extends Partial<BatcherOptions> {
  readonly id?: string;
  /** Called before each run of a graph; it may wait or throw. */
  readonly before?: (call: GraphCall) => Promise<void> | void;
}

const tiny = { diffusion: tinyDiffusion(), gradient: tinyGradient() };

export async function tinyFamily(
  id: string,
  calls: GraphCall[],
  before: (call: GraphCall) => Promise<void> | void,
): Promise<ModelFamily> {
  const manifest = tinyManifest({ id, maxBatchSize: 256 }, tiny.diffusion, tiny.gradient);
  const { diffusion, classifier, guided } = signaturesOf(manifest);
  const [unet, gradient] = await Promise.all([openGraph(tiny.diffusion), openGraph(tiny.gradient)]);
  return {
    id,
    diffusion: { graph: watched('diffusion', unet, calls, before), signature: diffusion },
    gradient: { graph: watched('gradient', gradient, calls, before), signature: classifier! },
    signatures: [diffusion, classifier!, guided!],
  };
}

/** A batcher that serves the tiny model, and everything that can be seen of it. */
export async function tinyServer({ id = 'tiny', before = () => {}, ...options }: BenchOptions = {}) {
  const timers = new FakeTimers();
  const calls: GraphCall[] = [];
  const runs: BatchRun[] = [];
  const failures: FailureReason[] = [];
  const queued: number[] = [];
  const batcher = new Batcher({
    timers,
    observer: {
      queueChanged: (_, items) => queued.push(items),
      batchRan: (run) => runs.push(run),
      requestFailed: (_, reason) => failures.push(reason),
    },
    ...options,
  });
  const family = await tinyFamily(id, calls, before);
  const served = batcher.serve(family);
  return { batcher, family, served, timers, calls, runs, failures, queued, ask: asker(served.runners) };
}

export interface Question {
  readonly model?: 'diffusion' | 'classifier' | 'guided';
  /** One image each. */
  readonly timesteps: readonly number[];
  readonly guided?: readonly boolean[];
  readonly outputs?: readonly string[];
  readonly schedule?: Partial<Schedule>;
  readonly signal?: AbortSignal;
  readonly onRun?: (run: RunTiming) => void;
}

type Runners = ReturnType<Batcher['serve']>['runners'];

function asker([diffusion, classifier, guided]: Runners) {
  const runners = { diffusion: diffusion!, classifier: classifier!, guided: guided! };
  return async ({ model = 'diffusion', outputs, schedule, signal, onRun, ...question }: Question) => {
    const runner = runners[model];
    const all = inputsOf(question);
    const names = runner.signature.inputs.map(({ name }) => name);
    const inputs = new Map([...all].filter(([name]) => names.includes(name)));
    const wanted = outputs ?? runner.signature.outputs.map(({ name }) => name);
    const answer = await runner.infer(inputs, wanted, {
      signal: signal ?? new AbortController().signal,
      schedule: { ...DEFAULT_SCHEDULE, ...schedule },
      ...(onRun && { onRun }),
    });
    return new Map(answer.map((tensor) => [tensor.name, tensor]));
  };
}

/** Images and targets that are a function of the timestep alone. */
export function inputsOf({ timesteps, guided }: Pick<Question, 'timesteps' | 'guided'>) {
  const count = timesteps.length;
  const x = timesteps.flatMap((t) => Array.from({ length: PIXELS }, (_, i) => Math.sin(t + i)));
  const target = timesteps.flatMap((t) => Array.from({ length: CLASSES }, (_, k) => Math.cos(t * k)));
  const float = (name: string, shape: number[], values: readonly number[]): NamedTensor => ({
    ...{ name, datatype: 'FP32', shape },
    data: Float32Array.from(values),
  });
  const tensors: NamedTensor[] = [
    float('x', [count, IMAGE.channels, IMAGE.height, IMAGE.width], x),
    float('timestep', [count], timesteps),
    float('target', [count, CLASSES], target),
  ];
  if (guided !== undefined) {
    const data = Uint8Array.from(guided, Number);
    tensors.push({ name: 'guided', datatype: 'BOOL', shape: [count], data });
  }
  return new Map(tensors.map((tensor) => [tensor.name, tensor]));
}

/** Doors that runs stand in front of until they are opened, one after another. */
export class Gate {
  readonly #waiting: (() => void)[] = [];
  #open = false;

  readonly pass = (): Promise<void> | void => {
    if (this.#open) return;
    return new Promise((resolve) => this.#waiting.push(resolve));
  };

  /** Lets one run through. */
  async one(): Promise<void> {
    await settle();
    this.#waiting.shift()?.();
    await settle();
  }

  /** Lets all through from now on. */
  open(): void {
    this.#open = true;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

/** What a question gets when nobody else asks. */
export async function alone(question: Question) {
  const { ask } = await tinyServer();
  return ask(question);
}

/** A server whose engine runs something already, until the gate lets it go. */
export async function busyServer(options: BenchOptions = {}) {
  const gate = new Gate();
  const server = await tinyServer({ before: gate.pass, ...options });
  const first = server.ask({ timesteps: [999], schedule: { owner: 'first' } });
  await settle();
  return { ...server, gate, first };
}
