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

/**
 * The terms of an Einsum equation: one string of letters per input, and the result's. An ellipsis is spelled out in
 * letters of its own, aligned at its end as in broadcasting.
 */
export function einsumTerms(node: NodeContext): { inputs: readonly string[]; output: string } {
  const equation = node.string('equation', '').replaceAll(' ', '');
  const [left = '', right] = equation.split('->');
  const terms = left.split(',');
  if (terms.length !== node.node.inputs.length)
    return node.fail(`"${equation}" is for ${terms.length} inputs`);
  const ranks = terms.map((term, index) => node.input(index).shape.length - term.replace('...', '').length);
  const longest = Math.max(0, ...terms.map((term, index) => (term.includes('...') ? ranks[index]! : 0)));
  const free = [...LETTERS].filter((letter) => !equation.includes(letter)).slice(0, longest);
  const spellOut = (term: string, rank: number) => term.replace('...', free.slice(longest - rank).join(''));
  const inputs = terms.map((term, index) => spellOut(term, Math.max(0, ranks[index]!)));
  const named = [...left.replaceAll(/[.,]/g, '')];
  const once = named.filter((letter) => named.filter((other) => other === letter).length === 1);
  const implicit = (left.includes('...') ? '...' : '') + once.sort().join('');
  return { inputs, output: spellOut(right ?? implicit, longest) };
}

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

const einsum: ShapeRule = (node) => {
  const { inputs, output } = einsumTerms(node);
  const sizes = new Map<string, Dim>();
  inputs.forEach((letters, index) => {
    const { shape } = node.input(index);
    if (letters.length !== shape.length) node.fail(`term "${letters}" is for rank ${letters.length}`);
    [...letters].forEach((letter, axis) => {
      const dim = shape[axis]!;
      const before = sizes.get(letter);
      if (before === undefined || before === 1) sizes.set(letter, dim);
      // A number says more than a symbol, but for 1, which is broadcast.
      else if (typeof before === 'string')
        sizes.set(letter, typeof dim === 'number' && dim > 1 ? dim : before);
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
