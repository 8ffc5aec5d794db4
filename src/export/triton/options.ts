/** What an operator decides about the exported models. */

export type Accelerator = 'cuda' | 'tensorrt' | 'cpu';

export interface TritonOptions {
  /** What the graphs run on: CUDA, TensorRT with CUDA for what it can't take, or the CPU. */
  readonly accelerator: Accelerator;
  /** Whether TensorRT may compute in half precision. */
  readonly fp16?: boolean;
  /** Folder on the server that keeps built TensorRT engines from one start to the next. */
  readonly engineCache?: string;
  /** Copies of each model on each GPU, or in all on the CPU. */
  readonly instances: number;
  /** Which GPUs; undefined takes all there are. */
  readonly gpus?: readonly number[];
  /** Threads of one run on the CPU; undefined lets onnxruntime choose. */
  readonly threads?: number;
  /** Images in one run, of however many jobs; undefined takes each model's own `max_batch_size`. */
  readonly maxBatchSize?: number;
  /** Whether the server may join steps in one run. Without, no bit depends on the load. Default true. */
  readonly batching?: boolean;
  /** How long a step waits for others to share its run, in microseconds. */
  readonly queueDelayMicroseconds: number;
  /** Steps that may wait at one priority; more are answered 503. */
  readonly queueSize: number;
  /** How long a step may wait before it is answered 503, in milliseconds. */
  readonly queueTimeoutMs: number;
}

/** The Worker gives a call up after 30 s (INFERENCE_TIMEOUT_MS): nobody waits for what is older. */
export const DEFAULT_TRITON_OPTIONS: TritonOptions = {
  accelerator: 'cuda',
  instances: 1,
  queueDelayMicroseconds: 500,
  queueSize: 256,
  queueTimeoutMs: 30_000,
};

/** @throws {Error} for options that contradict each other */
export function checkOptions({ accelerator, fp16, engineCache, gpus, threads }: TritonOptions): void {
  if (accelerator !== 'tensorrt') {
    if (fp16) throw new Error(`fp16 is TensorRT's choice, but the accelerator is ${accelerator}`);
    if (engineCache !== undefined) {
      throw new Error(`an engine cache is TensorRT's, but the accelerator is ${accelerator}`);
    }
  }
  if (accelerator === 'cpu' && gpus !== undefined)
    throw new Error('GPUs are named, but the accelerator is cpu');
  if (accelerator !== 'cpu' && threads !== undefined) {
    throw new Error(`threads are of runs on the CPU, but the accelerator is ${accelerator}`);
  }
}
