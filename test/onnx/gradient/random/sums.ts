/** Matrix products, reductions and normalisation: what sums. */
import fc from 'fast-check';
import type { GraphBuilder, Value } from '../../../../src/onnx/graph/index.ts';
import type { Case } from '../finite-differences.ts';
import { type Cases, image, int, positive, shapes, weights, wideValues, withAxis } from './generators.ts';

const matMul: Cases = fc
  .record({ batch: shapes(0, 2, 2), m: int(1, 3), k: int(1, 3), n: int(1, 3), form: int(0, 5) })
  .map(({ batch, m, k, n, form }) => {
    const [left, right] = (
      [
        [
          [...batch, m, k],
          [k, n],
        ],
        [
          [m, k],
          [...batch, k, n],
        ],
        [
          [...batch, m, k],
          [...batch, k, n],
        ],
        [[k], [...batch, k, n]],
        [[...batch, m, k], [k]],
        [
          [1, m, k],
          [...batch.slice(0, 1), k, n],
        ],
      ] as const
    )[form]!;
    const first = (m + k + n) % 2 === 0;
    return {
      shape: first ? left : right,
      build: (g: GraphBuilder, x: Value) =>
        g.op('MatMul', first ? [x, weights(g, x, right)] : [weights(g, x, left), x]),
    };
  });

const gemm: Cases = fc
  .record({
    m: int(1, 3),
    k: int(1, 3),
    n: int(1, 3),
    transA: int(0, 1),
    transB: int(0, 1),
    side: int(0, 2),
    alpha: fc.constantFrom(1, 0.5),
    beta: fc.constantFrom(1, 2),
    bias: int(0, 2),
  })
  .map(({ m, k, n, transA, transB, side, alpha, beta, bias }) => {
    const dims = [transA ? [k, m] : [m, k], transB ? [n, k] : [k, n], [[n], [m, n], [1]][bias]!];
    return {
      shape: dims[side]!,
      build: (g: GraphBuilder, x: Value) =>
        g.op(
          'Gemm',
          dims.map((shape, at) => (at === side ? x : weights(g, x, shape))),
          { transA, transB, alpha, beta },
        ),
    };
  });

const EQUATIONS: readonly (readonly [equation: string, left: readonly number[], right: readonly number[]])[] =
  [
    ['bhid,bhjd->bhij', [1, 2, 3, 2], [1, 2, 2, 2]],
    ['bhij,bhjd->bhid', [1, 2, 3, 2], [1, 2, 2, 3]],
    ['...ij,...jk->...ik', [2, 2, 3], [2, 3, 2]],
    ['...ij,...jk->...ik', [1, 2, 3], [2, 3, 2]],
    ['...ij, jk -> ...ik', [2, 2, 3], [3, 2]],
    ['bchw,bkhw->bck', [1, 2, 2, 2], [1, 3, 2, 2]],
    ['ab,cd->ac', [2, 3], [2, 2]],
    ['i,j->ij', [3], [2]],
    ['ij,jk', [2, 3], [3, 2]],
    ['b...,b...->b...', [2, 3, 2], [2, 3, 2]],
  ];
const einsum: Cases = fc
  .record({ row: fc.constantFrom(...EQUATIONS), side: int(0, 1) })
  .map(({ row: [equation, left, right], side }) => ({
    shape: side === 0 ? left : right,
    build: (g, x) =>
      g.op('Einsum', side === 0 ? [x, weights(g, x, right)] : [weights(g, x, left), x], { equation }),
  }));

/** Axes as an attribute (before operator set 18) and as an input. */
function reduction(opType: string, extra: Partial<Case> = {}): Cases {
  return shapes(1, 4).chain((shape) =>
    fc
      .record({
        axes: fc.subarray(
          shape.map((_, axis) => axis),
          { minLength: 1 },
        ),
        keep: fc.boolean(),
        opset: fc.constantFrom(13, 17, 18, 21),
        back: fc.boolean(),
      })
      .map(({ axes, keep, opset, back }) => ({
        shape,
        opset,
        build: (g: GraphBuilder, x: Value) =>
          g.reduce(opType, x, back ? axes.map((axis) => axis - shape.length) : axes, keep),
        ...extra,
      })),
  );
}

const normalization = (
  build: (g: GraphBuilder, x: Value, shape: readonly number[]) => Value,
  opset?: number,
): Cases =>
  image(3)
    .filter(([, , height, width]) => height * width > 1)
    .map((shape) => ({ shape, build: (g, x) => build(g, x, shape), ...(opset !== undefined && { opset }) }));

const groupNorm = (opset: 18 | 21): Cases =>
  fc.record({ groups: int(1, 2), per: int(1, 2), size: int(2, 3) }).map(({ groups, per, size }) => ({
    shape: [2, groups * per, size, 2],
    opset,
    rounded: true,
    build: (g, x) => {
      const count = opset === 21 ? groups * per : groups;
      return g.op('GroupNormalization', [x, weights(g, x, [count], 1), weights(g, x, [count])], {
        num_groups: groups,
        epsilon: 0.1,
      });
    },
  }));

export const sumCases: Readonly<Record<string, Cases>> = {
  MatMul: matMul,
  Gemm: gemm,
  Einsum: einsum,
  ...Object.fromEntries(
    [
      'ReduceSum',
      'ReduceMean',
      'ReduceMax',
      'ReduceMin',
      'ReduceSumSquare',
      'ReduceL1',
      'ReduceLogSumExp',
    ].map((opType) => [opType, reduction(opType)]),
  ),
  // Norms bend more the nearer they are to zero, and differences follow no sharp bend.
  ReduceL2: reduction('ReduceL2', { values: wideValues }),
  ReduceLogSum: reduction('ReduceLogSum', positive),
  InstanceNormalization: normalization((g, x, [, channels]) =>
    g.op('InstanceNormalization', [x, weights(g, x, [channels!], 1), weights(g, x, [channels!])], {
      epsilon: 0.1,
    }),
  ),
  // Its statistics are float32 whatever its input is, as the specification has it.
  LayerNormalization: fc
    .record({ shape: shapes(2, 4).map((dims) => [...dims, 3]), from: int(1, 2) })
    .map(({ shape, from }) => ({
      shape,
      rounded: true as const,
      build: (g, x) => {
        const dims = shape.slice(-from);
        return g.op('LayerNormalization', [x, weights(g, x, dims, 1), weights(g, x, dims)], {
          axis: -from,
          epsilon: 0.1,
        });
      },
    })),
  BatchNormalization: image(3).map((shape) => ({
    shape,
    build: (g, x) => {
      const vector = (shift: number) => weights(g, x, [shape[1]], shift);
      return g.op('BatchNormalization', [x, vector(1), vector(0), vector(0.2), vector(2)], { epsilon: 0.01 });
    },
  })),
  GroupNormalization: fc.oneof(groupNorm(18), groupNorm(21)),
  LRN: fc
    .record({ channels: int(1, 5), size: fc.constantFrom(1, 3, 5), spatial: shapes(2, 2) })
    .map(({ channels, size, spatial }) => ({
      shape: [1, channels, ...spatial],
      build: (g, x) => g.op('LRN', [x], { size, alpha: 0.5, beta: 0.75, bias: 1 }),
    })),
  LpNormalization: withAxis((g, x, axis) => g.op('LpNormalization', [x], { axis, p: 2 }), {
    values: wideValues,
  }),
};
