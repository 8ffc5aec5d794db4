/** One ONNX file in onnxruntime, inside an engine process. */
import type { NamedTensor } from '../../inference/oip/tensor.ts';
import { InferenceSession, Tensor } from '../../onnx/onnxruntime.ts';
import type { TensorSignature } from '../model-runner.ts';
import type { GraphSource } from './graph-file.ts';
import { inParts } from './in-parts.ts';
import type { GraphSignature } from './messages.ts';
import { type SessionSettings, sessionOptions } from './session-settings.ts';

/** What a graph may have where a model has the type on the left: float32 on the wire is float16 in some graphs. */
const TYPES: Readonly<Record<string, readonly string[]>> = {
  FP32: ['float32', 'float16'],
  INT32: ['int32'],
};

export class OnnxSession {
  readonly #session: InferenceSession;
  /** onnxruntime's element type of each input. */
  readonly #types: ReadonlyMap<string, string>;
  readonly #most: number;

  private constructor(session: InferenceSession, most: number) {
    this.#session = session;
    this.#most = most;
    this.#types = new Map(session.inputMetadata.map((end) => [end.name, end.isTensor ? end.type : '']));
  }

  /**
   * @param most images that the graph is given at a time; see `imagesAtATime`
   * @throws {Error} if onnxruntime can't load the graph, or its inputs and outputs are not those of the signature
   */
  static async open(
    source: GraphSource,
    signature: GraphSignature,
    settings: SessionSettings,
    most = Infinity,
  ): Promise<OnnxSession> {
    const options = sessionOptions(settings);
    const session = await (typeof source === 'string'
      ? InferenceSession.create(source, options)
      : InferenceSession.create(source, options));
    checkEnds('input', session.inputMetadata, signature.inputs);
    checkEnds('output', session.outputMetadata, signature.outputs);
    return new OnnxSession(session, most);
  }

  /**
   * onnxruntime-node computes on the calling thread: nothing else of this process moves until the run is done.
   *
   * @returns the wanted outputs, in float32 whatever the graph computes in
   */
  async run(inputs: readonly NamedTensor[], wanted: readonly string[]): Promise<NamedTensor[]> {
    return inParts(inputs, this.#most, (part) => this.#runOnce(part, wanted));
  }

  async #runOnce(inputs: readonly NamedTensor[], wanted: readonly string[]): Promise<NamedTensor[]> {
    const feeds = inputs.map((tensor) => [tensor.name, toOrt(tensor, this.#types.get(tensor.name))] as const);
    const results = await this.#session.run(Object.fromEntries(feeds), wanted);
    return wanted.map((name) => fromOrt(name, results[name]!));
  }
}

function toOrt({ name, data, shape }: NamedTensor, type: string | undefined): Tensor {
  if (type === 'int32' && data instanceof Int32Array) return new Tensor('int32', data, shape);
  if (data instanceof Float32Array || data instanceof Float16Array) {
    if (type === 'float32') {
      return new Tensor('float32', data instanceof Float32Array ? data : new Float32Array(data), shape);
    }
    if (type === 'float16') {
      return halfTensor(data instanceof Float16Array ? data : new Float16Array(data), shape);
    }
  }
  throw new TypeError(`input "${name}" is a ${data.constructor.name}, and the graph takes ${type}`);
}

/** onnxruntime's JavaScript side turns the elements into a Float16Array, of which its native side sees no element. */
function halfTensor({ buffer, byteOffset, length }: Float16Array, shape: readonly number[]): Tensor {
  const bits = new Uint16Array(buffer, byteOffset, length);
  return Object.defineProperty(new Tensor('float16', bits, shape), 'data', { value: bits });
}

function fromOrt(name: string, { data, dims, type }: Tensor): NamedTensor {
  if (data instanceof Float32Array) return { name, datatype: 'FP32', shape: dims, data };
  // A Float16Array where the engine has one, else its bits.
  if (type === 'float16' && ArrayBuffer.isView(data)) {
    const half = new Float16Array(data.buffer, data.byteOffset, data.byteLength / 2);
    return { name, datatype: 'FP32', shape: dims, data: new Float32Array(half) };
  }
  throw new TypeError(`output "${name}" is ${type}, expected float32 or float16`);
}

function checkEnds(
  kind: 'input' | 'output',
  found: readonly InferenceSession.ValueMetadata[],
  expected: readonly TensorSignature[],
): void {
  const fits = ({ name, datatype, shape }: TensorSignature) => {
    const end = found.find((candidate) => candidate.name === name);
    return end?.isTensor && end.shape.length === shape.length && TYPES[datatype]?.includes(end.type);
  };
  if (found.length === expected.length && expected.every(fits)) return;
  const describe = (items: readonly string[]) => items.toSorted().join(', ');
  const got = describe(
    found.map((end) => `${end.name} ${end.isTensor ? `${end.type} rank ${end.shape.length}` : ''}`),
  );
  const want = describe(
    expected.map(
      ({ name, datatype, shape }) => `${name} ${TYPES[datatype]?.[0] ?? datatype} rank ${shape.length}`,
    ),
  );
  throw new Error(`the graph's ${kind}s are ${got}; model.json makes them ${want}`);
}
