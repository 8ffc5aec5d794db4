/** One ONNX file in onnxruntime. */
import { InferenceSession, Tensor } from 'onnxruntime-node';
import type { NamedTensor } from '../inference/oip/tensor.ts';
import type { GraphSource } from './model-folder.ts';
import type { ModelSignature, TensorSignature, TensorsByName } from './model-runner.ts';

const TYPES = { FP32: 'float32', INT32: 'int32' } as const;

export class GraphSession {
  readonly #session: InferenceSession;
  readonly #signature: ModelSignature;

  private constructor(session: InferenceSession, signature: ModelSignature) {
    this.#session = session;
    this.#signature = signature;
  }

  /**
   * @param source the graph's bytes, or its path if its weights lie beside it
   * @param signature what the graph must look like
   * @param threads per run; undefined lets onnxruntime choose
   * @throws {Error} if onnxruntime can't load the graph or its inputs and outputs are others
   */
  static async open(
    source: GraphSource,
    signature: ModelSignature,
    threads: number | undefined,
  ): Promise<GraphSession> {
    const options = threads === undefined ? {} : { intraOpNumThreads: threads };
    const session = await (typeof source === 'string'
      ? InferenceSession.create(source, options)
      : InferenceSession.create(source, options));
    try {
      checkEnds('input', session.inputMetadata, signature.inputs);
      checkEnds('output', session.outputMetadata, signature.outputs);
    } catch (error) {
      await session.release();
      throw error;
    }
    return new GraphSession(session, signature);
  }

  /**
   * Runs the graph on the inputs that are its own; the others are ignored. onnxruntime-node computes on the calling
   * thread, so nothing else of this process moves until the run is done.
   */
  async run(inputs: TensorsByName, wanted: readonly string[]): Promise<NamedTensor[]> {
    const feeds = this.#signature.inputs.map(({ name }) => [name, toOrt(inputs.get(name)!)] as const);
    const results = await this.#session.run(Object.fromEntries(feeds), wanted);
    return wanted.map((name) => fromOrt(name, results[name]!));
  }

  close(): Promise<void> {
    return this.#session.release();
  }
}

function toOrt({ name, datatype, shape, data }: NamedTensor): Tensor {
  if (datatype === 'FP32' && data instanceof Float32Array) return new Tensor('float32', data, shape);
  if (datatype === 'INT32' && data instanceof Int32Array) return new Tensor('int32', data, shape);
  throw new TypeError(`input "${name}": no model takes ${datatype}`);
}

function fromOrt(name: string, { data, dims }: Tensor): NamedTensor {
  if (!(data instanceof Float32Array)) throw new TypeError(`output "${name}" is not float32`);
  return { name, datatype: 'FP32', shape: dims, data };
}

function checkEnds(
  kind: 'input' | 'output',
  found: readonly InferenceSession.ValueMetadata[],
  expected: readonly TensorSignature[],
): void {
  const describe = (items: readonly string[]) => items.toSorted().join(', ');
  const got = describe(
    found.map((end) => `${end.name} ${end.isTensor ? `${end.type} rank ${end.shape.length}` : ''}`),
  );
  const want = describe(
    expected.map(({ name, datatype, shape }) => {
      const type = datatype === 'FP32' || datatype === 'INT32' ? TYPES[datatype] : datatype;
      return `${name} ${type} rank ${shape.length}`;
    }),
  );
  if (got !== want) throw new Error(`the graph's ${kind}s are ${got}; model.json makes them ${want}`);
}
