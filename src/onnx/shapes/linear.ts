/** Shapes of matrix products. */
import type { Dim } from '../graph/dim.ts';
import { broadcastShapes } from './broadcast.ts';
import { like, type NodeContext, type ShapeRule } from './context.ts';

const matMul: ShapeRule = (node) => {
  const [a, b] = [node.input(0).shape, node.input(1).shape];
  const [left, right] = [a.length === 1 ? [1, ...a] : a, b.length === 1 ? [...b, 1] : b];
  checkContraction(node, left.at(-1), right.at(-2));
  let batch: readonly Dim[];
  try {
    batch = broadcastShapes(left.slice(0, -2), right.slice(0, -2));
  } catch (error) {
    return node.fail((error as Error).message);
  }
  const rows = a.length === 1 ? [] : [left.at(-2)!];
  const columns = b.length === 1 ? [] : [right.at(-1)!];
  return like(node, [...batch, ...rows, ...columns]);
};

function checkContraction(node: NodeContext, a: Dim | undefined, b: Dim | undefined): void {
  if (typeof a === 'number' && typeof b === 'number' && a !== b) {
    node.fail(`it sums over axes of different size, ${a} and ${b}`);
  }
}

const gemm: ShapeRule = (node) => {
  const [a, b] = [node.input(0).shape, node.input(1).shape];
  const [rows, inner] = node.int('transA', 0) === 1 ? [a[1], a[0]] : [a[0], a[1]];
  const [inner2, columns] = node.int('transB', 0) === 1 ? [b[1], b[0]] : [b[0], b[1]];
  checkContraction(node, inner, inner2);
  return like(node, [rows!, columns!]);
};

/** The terms of an Einsum equation without ellipsis: one string of letters per input, and the result's. */
export function einsumTerms(node: NodeContext): { inputs: readonly string[]; output: string } {
  const equation = node.string('equation', '').replaceAll(' ', '');
  if (equation.includes('.')) return node.fail(`the ellipsis in "${equation}" is not supported`);
  const [left = '', right] = equation.split('->');
  const inputs = left.split(',');
  if (inputs.length !== node.node.inputs.length)
    return node.fail(`"${equation}" is for ${inputs.length} inputs`);
  const once = [...left.replaceAll(',', '')].filter((letter, _, all) => {
    return all.filter((other) => other === letter).length === 1;
  });
  return { inputs, output: right ?? once.sort().join('') };
}

const einsum: ShapeRule = (node) => {
  const { inputs, output } = einsumTerms(node);
  const sizes = new Map<string, Dim>();
  inputs.forEach((letters, index) => {
    const { shape } = node.input(index);
    if (letters.length !== shape.length) node.fail(`term "${letters}" is for rank ${letters.length}`);
    [...letters].forEach((letter, axis) => {
      const dim = shape[axis]!;
      const before = sizes.get(letter);
      if (before === undefined || before === 1 || typeof before === 'string') sizes.set(letter, dim);
      else if (typeof dim === 'number' && dim !== 1 && dim !== before) {
        node.fail(`letter ${letter} has sizes ${before} and ${dim}`);
      }
    });
  });
  return like(
    node,
    [...output].map((letter) => sizes.get(letter) ?? node.fail(`no input has the letter ${letter}`)),
  );
};

export const linear: Readonly<Record<string, ShapeRule>> = {
  MatMul: matMul,
  Gemm: gemm,
  Einsum: einsum,
};
