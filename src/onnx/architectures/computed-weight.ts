/** Weights that are computed from others when the graph is written. */
import { type ByteSource, computedSource } from '../byte-source.ts';
import { elementCount } from '../graph/tensor.ts';
import type { ScratchMemory } from '../scratch-memory.ts';
import type { Weight } from './weights.ts';

/** Fills `target` from the elements of the inputs. */
export type Compute = (target: Float32Array, inputs: readonly Float32Array[]) => void;

export function computedWeight(
  shape: readonly number[],
  inputs: readonly Weight[],
  compute: Compute,
): Weight {
  const count = elementCount(shape);
  return {
    shape,
    read: () => {
      const target = new Float32Array(count);
      compute(
        target,
        inputs.map((input) => input.read()),
      );
      return target;
    },
    source: (memory) =>
      computedSource(count * Float32Array.BYTES_PER_ELEMENT, memory, (target) => {
        withElements(inputs, memory, (elements) => compute(floats(target), elements));
      }),
  };
}

/** The elements of a weight in half precision, as the bytes of a file. */
export function halfPrecisionSource(weight: Weight, memory: ScratchMemory): ByteSource {
  const count = elementCount(weight.shape);
  return computedSource(count * Float16Array.BYTES_PER_ELEMENT, memory, (target) => {
    withElements([weight], memory, ([elements]) => new Float16Array(target.buffer, 0, count).set(elements!));
  });
}

/** Hands the elements of all weights to `use`, which must not keep them. */
function withElements(
  weights: readonly Weight[],
  memory: ScratchMemory,
  use: (elements: readonly Float32Array[]) => void,
): void {
  const borrowed: Uint8Array<ArrayBuffer>[] = [];
  const elements = weights.map((weight) => {
    const source = weight.source?.(memory);
    if (source === undefined) return weight.read();
    const bytes = memory.take(source.length);
    borrowed.push(bytes);
    source.fill(bytes);
    return floats(bytes);
  });
  use(elements);
  for (const bytes of borrowed) memory.give(bytes);
}

/** Of memory that begins with a buffer. */
function floats({ buffer, byteLength }: Uint8Array<ArrayBuffer>): Float32Array {
  return new Float32Array(buffer, 0, byteLength / Float32Array.BYTES_PER_ELEMENT);
}
