/**
 * The isolate's inference sessions: created when first used, kept as long as the isolate lives.
 *
 * They are shared by every request and every durable object of the isolate, and the platform never continues a
 * promise of a request that has ended. Nobody hangs on another's promise all the same, because nothing between taking
 * the lock and giving it back waits for I/O or a timer: a session is created and run within one turn of the event
 * loop, so a lock is never held while another request has its turn.
 */
import type { AnsweredTensor } from '../validate.ts';
import { Mutex } from './mutex.ts';
import { ort } from './onnxruntime.ts';

/** Inputs by name, as the graph wants them. */
export interface GraphInput {
  readonly data: Float32Array | Int32Array;
  readonly shape: readonly number[];
}

const sessions = new Map<ArrayBuffer, ort.InferenceSession>();

/** WebAssembly onnxruntime keeps one stack for all its sessions: two calls must never interleave. */
const lock = new Mutex();

/**
 * Runs a graph. The thread is busy until it is done.
 *
 * @param graph bytes of the ONNX file; the same buffer every time, it identifies the session
 */
export function runGraph(
  graph: ArrayBuffer,
  inputs: Readonly<Record<string, GraphInput>>,
  wanted: readonly string[],
): Promise<AnsweredTensor[]> {
  return lock.run(async () => {
    const session = await open(graph);
    const outputs = await session.run(toFeeds(inputs), wanted);
    return Object.entries(outputs).map(([name, tensor]) => toAnswered(name, tensor));
  });
}

async function open(graph: ArrayBuffer): Promise<ort.InferenceSession> {
  const known = sessions.get(graph);
  if (known !== undefined) return known;
  const session = await ort.InferenceSession.create(new Uint8Array(graph), { executionProviders: ['wasm'] });
  sessions.set(graph, session);
  return session;
}

function toFeeds(inputs: Readonly<Record<string, GraphInput>>): Record<string, ort.Tensor> {
  return Object.fromEntries(
    Object.entries(inputs).map(([name, { data, shape }]) => [
      name,
      data instanceof Float32Array
        ? new ort.Tensor('float32', data, shape)
        : new ort.Tensor('int32', data, shape),
    ]),
  );
}

/** The library has copied the values out of its own memory already. */
function toAnswered(name: string, tensor: ort.Tensor): AnsweredTensor {
  if (!(tensor.data instanceof Float32Array)) {
    throw new TypeError(`graph output "${name}" is ${tensor.type}, expected float32`);
  }
  return { name, datatype: 'FP32', shape: tensor.dims, data: tensor.data };
}
