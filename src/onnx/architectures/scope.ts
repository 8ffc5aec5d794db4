/** Where a building block stands in its network: the prefix of its weights and of its nodes. */
import type { GraphBuilder } from '../graph/builder.ts';
import type { DataType } from '../graph/data-type.ts';
import type { Value } from '../graph/graph.ts';
import { lazyTensor } from '../graph/tensor.ts';
import { halfPrecisionSource } from './computed-weight.ts';
import type { Weight, Weights } from './weights.ts';

/** How weights are stored in the file. */
export type WeightStorage = 'float32' | 'float16';

/**
 * What the torso (input, middle and output blocks) computes in. In half precision, as the reference's `use_fp16` does
 * it: convolutions and matrix products; norms, softmax, the embeddings and the head stay in float32.
 */
export type TorsoPrecision = 'float32' | 'float16';

export class Scope {
  readonly graph: GraphBuilder;
  readonly torso: TorsoPrecision;
  readonly #weights: Weights;
  readonly #storage: WeightStorage;
  readonly #prefix: string;

  constructor(
    graph: GraphBuilder,
    weights: Weights,
    storage: WeightStorage,
    torso: TorsoPrecision = 'float32',
    prefix = '',
  ) {
    this.graph = graph;
    this.torso = torso;
    this.#weights = weights;
    this.#storage = storage;
    this.#prefix = prefix;
  }

  /** Builds a part under a name below this one: `input_blocks.1`, then `0` for its first layer. */
  within<T>(name: string, build: (scope: Scope) => T): T {
    const child = new Scope(this.graph, this.#weights, this.#storage, this.torso, `${this.#prefix}${name}.`);
    return this.graph.scope(name, () => build(child));
  }

  /** A weight of the checkpoint, e.g. `conv.weight`, of the shape that this block needs. */
  take(name: string, shape: readonly number[]): Weight {
    return this.#weights.take(`${this.#prefix}${name}`, shape);
  }

  /**
   * A weight as a constant of the graph; `name` may differ from the checkpoint's if the weight was folded.
   *
   * @param dtype what it is computed with; a half-precision weight is stored as it is used
   */
  constant(name: string, weight: Weight, dtype: DataType = 'float32'): Value {
    const storage = dtype === 'float16' ? dtype : this.#storage;
    const half = storage === 'float16';
    const read = (): Uint8Array => {
      const data = weight.read();
      const { buffer, byteOffset, byteLength } = half ? new Float16Array(data) : data;
      return new Uint8Array(buffer, byteOffset, byteLength);
    };
    const memory = this.#weights.memory;
    const source = () => (half ? halfPrecisionSource(weight, memory) : weight.source?.(memory));
    const stored = lazyTensor(storage, weight.shape, read, source);
    const unique = `${this.#prefix}${name}`;
    return dtype === 'float16' ? this.graph.initializer(unique, stored) : this.graph.weight(unique, stored);
  }

  /** `take` and `constant` in one. */
  weight(name: string, shape: readonly number[], dtype: DataType = 'float32'): Value {
    return this.constant(name, this.take(name, shape), dtype);
  }
}
