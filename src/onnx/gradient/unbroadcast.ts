/** Undoes broadcasting: the one place where gradients are summed over repeated axes. */
import { type Dim, showShape } from '../graph/dim.ts';
import type { GraphBuilder, Value } from '../graph/index.ts';

/**
 * Sums a gradient over the axes along which `target` was repeated: leading axes that it lacks, and axes where it has
 * size 1. Ones along other axes stay: a gradient may be constant there, and is expanded when it is used.
 *
 * Two different symbols are taken for the same size: a graph whose unknown sizes broadcast against each other only
 * when it runs is not supported.
 *
 * @throws {Error} if the shapes do not belong together, which means that a rule is wrong
 */
export function fitToShape(g: GraphBuilder, gradient: Value, target: Value): Value {
  const extra = gradient.shape.length - target.shape.length;
  const leading = Array.from({ length: Math.max(extra, 0) }, (_, axis) => axis);
  const aligned = gradient.shape.slice(Math.max(extra, 0));
  const wanted = target.shape.slice(Math.max(-extra, 0));
  const repeated = aligned.flatMap((dim, axis) =>
    wanted[axis] === 1 && dim !== 1 ? [axis] : checkSame(gradient, target, dim, wanted[axis]!),
  );
  if (leading.length === 0 && repeated.length === 0) return gradient;
  if (repeated.length === 0) return g.reduce('ReduceSum', gradient, leading, false);
  const axes = [...leading, ...repeated.map((axis) => axis + leading.length)];
  const summed = g.reduce('ReduceSum', gradient, axes);
  return leading.length === 0 ? summed : g.op('Squeeze', [summed, g.ints(leading)]);
}

function checkSame(gradient: Value, target: Value, dim: Dim, wanted: Dim): [] {
  if (typeof dim === 'number' && typeof wanted === 'number' && dim !== wanted && dim !== 1) {
    throw new Error(
      `the gradient ${gradient.name} ${showShape(gradient.shape)} does not fit ${target.name} ` +
        `${showShape(target.shape)}: its rule is wrong`,
    );
  }
  return [];
}
