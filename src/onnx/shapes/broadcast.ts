/** Multidirectional broadcasting, as in numpy and the ONNX specification. */
import type { Dim, Shape } from '../graph/dim.ts';

/**
 * The common shape of all operands. A symbol against a number above one gives the number: at run time they must
 * agree, or the symbol be one.
 *
 * @throws {Error} if two sizes can't be broadcast
 */
export function broadcastShapes(...shapes: readonly Shape[]): Shape {
  const rank = Math.max(0, ...shapes.map((shape) => shape.length));
  return Array.from({ length: rank }, (_, axis) => {
    const dims = shapes
      .map((shape) => shape[axis - (rank - shape.length)])
      .filter((dim): dim is Dim => dim !== undefined);
    return dims.reduce(broadcastDim, 1);
  });
}

function broadcastDim(a: Dim, b: Dim): Dim {
  if (a === 1 || a === b) return b;
  if (b === 1) return a;
  if (typeof a === 'number' && typeof b === 'number') throw new Error(`${a} and ${b} can't be broadcast`);
  return typeof a === 'number' ? a : b;
}
