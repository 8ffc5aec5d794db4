/** Gradients of matrix products. */
import type { Value } from '../../graph/index.ts';
import { einsumTerms } from '../../shapes/linear.ts';
import type { GradientRule } from '../context.ts';
import { recomputedSoftmax } from '../recompute.ts';

/** Y = A B: dA = dY B^T, dB = A^T dY; a vector operand is a matrix with one row or one column. */
const matMul: GradientRule = (n) => {
  const [a, b] = [n.x(0), n.x(1)];
  const { g } = n;
  const row = a.shape.length === 1 ? n.op('Unsqueeze', a, g.ints([0])) : a;
  const column = b.shape.length === 1 ? n.op('Unsqueeze', b, g.ints([1])) : b;
  let dy = n.dy;
  if (b.shape.length === 1) dy = n.op('Unsqueeze', dy, g.ints([-1]));
  if (a.shape.length === 1) dy = n.op('Unsqueeze', dy, g.ints([-2]));
  return [
    () => {
      const da = n.op('MatMul', dy, recomputedSoftmax(n, n.transposeMatrix(column), n.dy));
      return a.shape.length === 1 ? n.op('Squeeze', da, g.ints([-2])) : da;
    },
    () => {
      const db = n.op('MatMul', n.transposeMatrix(recomputedSoftmax(n, row, n.dy)), dy);
      return b.shape.length === 1 ? n.op('Squeeze', db, g.ints([-1])) : db;
    },
  ];
};

/** Y = alpha op(A) op(B) + beta C, where op is the transposition that transA and transB ask for. */
const gemm: GradientRule = (n) => {
  const [transA, transB] = [n.forward.int('transA', 0), n.forward.int('transB', 0)];
  const [alpha, beta] = [n.forward.float('alpha', 1), n.forward.float('beta', 1)];
  const product = (a: Value, b: Value, ta: number, tb: number) =>
    n.g.op('Gemm', [a, b], { alpha, transA: ta, transB: tb });
  return [
    () => (transA ? product(n.x(1), n.dy, transB, 1) : product(n.dy, n.x(1), 0, 1 - transB)),
    () => (transB ? product(n.dy, n.x(0), 1, transA) : product(n.x(0), n.dy, 1 - transA, 0)),
    () => (beta === 1 ? n.dy : n.mul(n.dy, beta)),
  ];
};

/**
 * Each input's gradient is the Einsum of the result's gradient with the other inputs. It is the same along the axes
 * that this input alone has.
 */
const einsum: GradientRule = (n) => {
  const { inputs, output } = einsumTerms(n.forward);
  return inputs.map((letters, index) => () => {
    if (new Set(letters).size < letters.length) n.fail(`a diagonal ("${letters}") is not supported`);
    const others = inputs.toSpliced(index, 1).join('') + output;
    const shared = [...letters].filter((letter) => others.includes(letter));
    const terms = inputs.with(index, output);
    const operands = n.node.inputs.map((_, other) => (other === index ? n.dy : n.x(other)));
    const product = n.g.op('Einsum', operands, { equation: `${terms.join(',')}->${shared.join('')}` });
    const alone = [...letters].flatMap((letter, axis) => (others.includes(letter) ? [] : [axis]));
    return alone.length === 0 ? product : n.op('Unsqueeze', product, n.g.ints(alone));
  });
};

export const matrixProducts: Readonly<Record<string, GradientRule>> = {
  MatMul: matMul,
  Gemm: gemm,
  Einsum: einsum,
};
