/** The mean of a product of two large tensors, without the product. */
import { isStatic } from '../graph/dim.ts';
import type { Value } from '../graph/index.ts';
import { elementCount } from '../graph/tensor.ts';
import type { GradientContext } from './context.ts';

/** Shorter means find the product in the cache, and WebAssembly has no fast product of two rows. */
const LONG = 4096;

/**
 * mean(a b) along `axes`, which stay with size 1. Long means over the last axes are products of a row with a column:
 * half the time natively, as two tensors are read and none is written.
 *
 * @param a of the shape of b
 */
export function meanOfProduct(n: GradientContext, a: Value, b: Value, axes: readonly number[]): Value {
  const [first] = axes as [number, ...number[]];
  const sizes = a.shape.slice(first);
  // The sum of so many products may leave the range of float16.
  const wide = a.dtype === 'float32' || a.dtype === 'float64';
  const last = first > 0 && axes.length === sizes.length && sizes.length > 0;
  const count = last && wide && isStatic(sizes) ? elementCount(sizes) : 0;
  if (count < LONG) return n.mean(n.mul(a, b), axes);
  const outer = Array.from({ length: first }, () => 0);
  const row = (x: Value) => n.op('Reshape', x, n.g.ints([...outer, 1, count]));
  const sum = n.op('MatMul', row(a), n.transposeMatrix(row(b)));
  // A factor next to the product would become the product's own, and onnxruntime's fast one has none.
  const shaped = n.op('Reshape', sum, n.g.ints([...outer, ...axes.map(() => 1)]));
  return n.mul(shaped, 1 / count);
}
