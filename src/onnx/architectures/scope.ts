/** Where a building block stands in its network: the prefix of its weights and of its nodes. */
import type { GraphBuilder } from '../graph/builder.ts';
import type { Value } from '../graph/graph.ts';
import { lazyTensor } from '../graph/tensor.ts';
import type { Weight, Weights } from './weights.ts';

/** How weights are stored in the file; the arithmetic is float32 either way. */
export type WeightStorage = 'float32' | 'float16';

export class Scope {
  readonly graph: GraphBuilder;
  readonly #weights: Weights;
  readonly #storage: WeightStorage;
  readonly #prefix: string;

  constructor(graph: GraphBuilder, weights: Weights, storage: WeightStorage, prefix = '') {
    this.graph = graph;
    this.#weights = weights;
    this.#storage = storage;
    this.#prefix = prefix;
  }

  /** Builds a part under a name below this one: `input_blocks.1`, then `0` for its first layer. */
  within<T>(name: string, build: (scope: Scope) => T): T {
    const child = new Scope(this.graph, this.#weights, this.#storage, `${this.#prefix}${name}.`);
    return this.graph.scope(name, () => build(child));
  }

  /** A weight of the checkpoint, e.g. `conv.weight`, of the shape that this block needs. */
  take(name: string, shape: readonly number[]): Weight {
    return this.#weights.take(`${this.#prefix}${name}`, shape);
  }

  /** A weight as a constant of the graph; `name` may differ from the checkpoint's if the weight was folded. */
  constant(name: string, weight: Weight): Value {
    const read = (): Uint8Array => {
      const data = weight.read();
      const stored = this.#storage === 'float16' ? Float16Array.from(data) : data;
      return new Uint8Array(stored.buffer, stored.byteOffset, stored.byteLength);
    };
    return this.graph.weight(`${this.#prefix}${name}`, lazyTensor(this.#storage, weight.shape, read));
  }

  /** `take` and `constant` in one. */
  weight(name: string, shape: readonly number[]): Value {
    return this.constant(name, this.take(name, shape));
  }
}
