/** One graph of a model folder in onnxruntime, held against the inputs and outputs that model.json makes it have. */
import { join } from 'node:path';
import { elementCount } from '../inference/oip/datatype.ts';
import type { NamedTensor } from '../inference/oip/tensor.ts';
import { firstNonFinite } from '../inference/validate.ts';
import type { GraphFile } from '../models/manifest.ts';
import { InferenceSession, Tensor } from '../onnx/onnxruntime.ts';
import { imagesAtATime, partsOf, rowsOf } from '../server/engine/in-parts.ts';
import { sessionOptions } from '../server/engine/session-settings.ts';
import type { TensorSignature } from '../server/model-runner.ts';

export interface Ends {
  readonly inputs: readonly TensorSignature[];
  readonly outputs: readonly TensorSignature[];
}

/** Outputs by name, row-major. */
export type Answer = Readonly<Record<string, Float32Array>>;

export class Network implements AsyncDisposable {
  readonly #session: InferenceSession;
  readonly ends: Ends;
  readonly #most: number;

  private constructor(session: InferenceSession, ends: Ends, most: number) {
    this.#session = session;
    this.ends = ends;
    this.#most = most;
  }

  /**
   * Opens a graph as an engine of `cairn serve` does on the CPU.
   *
   * @param threads of one run; undefined lets onnxruntime choose
   * @throws {Error} if onnxruntime can't load the graph, or its inputs and outputs are others than `ends`
   */
  static async open(
    folder: string,
    graph: GraphFile,
    ends: Ends,
    threads: number | undefined,
  ): Promise<Network> {
    const settings = { provider: 'cpu', device: 0, threads: threads ?? null, arena: true } as const;
    const session = await InferenceSession.create(join(folder, graph.file), {
      ...sessionOptions(settings),
      logSeverityLevel: 3,
    });
    try {
      checkEnds('input', session.inputMetadata, ends.inputs);
      checkEnds('output', session.outputMetadata, ends.outputs);
      return new Network(session, ends, imagesAtATime(graph, settings));
    } catch (error) {
      await session.release();
      throw error;
    }
  }

  /**
   * @param inputs by name; those that are not this network's are left aside
   * @throws {Error} if an output has another shape than model.json makes it have, or a value that is not finite
   */
  async run(inputs: ReadonlyMap<string, NamedTensor>, batch: number): Promise<Answer> {
    const answer = await this.#session.run(
      Object.fromEntries(this.ends.inputs.map(({ name }) => [name, toTensor(inputs.get(name)!)])),
    );
    return Object.fromEntries(
      this.ends.outputs.map((output) => [output.name, checkOutput(answer[output.name]!, output, batch)]),
    );
  }

  /** The same in the parts that an engine takes a batch apart into. */
  async runAsServed(inputs: ReadonlyMap<string, NamedTensor>): Promise<void> {
    const own = new Map(this.ends.inputs.map(({ name }) => [name, inputs.get(name)!]));
    for (const part of partsOf(own, this.#most)) await this.run(part, rowsOf(part));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#session.release();
  }
}

const TYPES: Readonly<Record<string, string>> = { FP32: 'float32', INT32: 'int32' };

function toTensor({ data, shape }: NamedTensor): Tensor {
  return data instanceof Int32Array
    ? new Tensor('int32', data, [...shape])
    : new Tensor('float32', data as Float32Array, [...shape]);
}

/** The batch must be open; another dimension may be, if it is what it has to be when the graph runs. */
function checkEnds(
  kind: 'input' | 'output',
  found: readonly InferenceSession.ValueMetadata[],
  expected: readonly TensorSignature[],
): void {
  const names = found.map(({ name }) => name);
  const extra = names.find((name) => !expected.some((end) => end.name === name));
  if (extra !== undefined)
    throw new Error(`the graph has an ${kind} ${extra}, which model.json does not know`);
  for (const { name, datatype, shape } of expected) {
    const end = found.find((candidate) => candidate.name === name);
    if (end === undefined) {
      const remedy =
        name === 'timestep' ? ' (`cairn models add-classifier` installs a classifier with it)' : '';
      throw new Error(`the graph has no ${kind} ${name}; it has ${names.join(', ')}${remedy}`);
    }
    const wanted = showEnd(TYPES[datatype]!, ['N', ...shape.slice(1)]);
    const got = end.isTensor ? showEnd(end.type, end.shape) : 'no tensor';
    const fits =
      end.isTensor &&
      end.type === TYPES[datatype] &&
      end.shape.length === shape.length &&
      typeof end.shape[0] === 'string' &&
      end.shape.every((size, axis) => axis === 0 || typeof size === 'string' || size === shape[axis]);
    if (!fits) throw new Error(`${kind} ${name} is ${got}; model.json makes it ${wanted}`);
  }
}

function showEnd(type: string, shape: readonly (number | string)[]): string {
  return `${type}[${shape.join(', ')}]`;
}

function checkOutput({ data, dims }: Tensor, { name, shape }: TensorSignature, batch: number): Float32Array {
  const expected = [batch, ...shape.slice(1)];
  if (dims.length !== expected.length || dims.some((size, axis) => size !== expected[axis])) {
    throw new Error(`output ${name} came as [${dims}] for a batch of ${batch}; expected [${expected}]`);
  }
  if (!(data instanceof Float32Array) || data.length !== elementCount(expected)) {
    throw new Error(`output ${name} did not come as float32`);
  }
  const bad = firstNonFinite(data);
  if (bad !== -1) throw new Error(`output ${name} has the value ${data[bad]} at element ${bad}`);
  return data;
}
