/** Generators that the rows share. */
import fc from 'fast-check';
import {
  type AttributeInput,
  type GraphBuilder,
  tensorFrom,
  type Value,
} from '../../../../src/onnx/graph/index.ts';
import { type Case, gridValues, positiveValues } from '../finite-differences.ts';

export type Cases = fc.Arbitrary<Case>;

export const int = (min: number, max: number) => fc.integer({ min, max });
export const product = (dims: readonly number[]) => dims.reduce((total, dim) => total * dim, 1);
export const shapes = (minRank: number, maxRank: number, largest = 3) =>
  fc.array(int(1, largest), { minLength: minRank, maxLength: maxRank });
export const wideValues = (count: number) => gridValues(count).map((x) => 9 * x);

/** Constants between the values of x: never nearer than 0.05, so that no comparison is close. */
export function between(g: GraphBuilder, x: Value, dims: readonly number[], shift = 0): Value {
  const data = gridValues(product(dims)).map((value) => value + 0.05 + shift);
  return g.constantTensor(tensorFrom(x.dtype, dims, data));
}

/** Weights of moderate size, whatever their number. */
export function weights(g: GraphBuilder, x: Value, dims: readonly number[], shift = 0): Value {
  const count = product(dims);
  const data = gridValues(count).map((value) => (value * 3) / (1 + count / 20) + shift);
  return g.constantTensor(tensorFrom(x.dtype, dims, data));
}

export function unary(
  opType: string,
  attributes: fc.Arbitrary<AttributeInput> = fc.constant({}),
  extra: Partial<Case> = {},
): Cases {
  return fc.record({ shape: shapes(1, 4), attributes }).map(({ shape, attributes }) => ({
    shape,
    build: (g, x) => g.op(opType, [x], attributes),
    ...extra,
  }));
}

export const positive = { values: positiveValues };
export const alpha = (min: number, max: number) =>
  fc.record({ alpha: fc.double({ min, max, noNaN: true }).map((a) => Math.fround(a)) });

/** x against constants of a shape that broadcasts with x's, on either side. */
export function withPartners(opType: string, partners: number, extra: Partial<Case> = {}, shift = 0): Cases {
  return fc
    .record({
      full: shapes(1, 4),
      ones: fc.array(fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }), {
        minLength: partners + 1,
        maxLength: partners + 1,
      }),
      dropped: fc.array(int(0, 1), { minLength: partners + 1, maxLength: partners + 1 }),
      place: int(0, partners),
    })
    .map(({ full, ones, dropped, place }) => {
      const shapeOf = (index: number) => {
        const shape = full.map((size, axis) => (ones[index]![axis] ? 1 : size));
        return full.length > 1 ? shape.slice(dropped[index]) : shape;
      };
      return {
        shape: shapeOf(0),
        build: (g: GraphBuilder, x: Value) => {
          const constants = Array.from({ length: partners }, (_, i) =>
            between(g, x, shapeOf(i + 1), shift + i * 0.3),
          );
          return g.op(opType, constants.toSpliced(place, 0, x));
        },
        ...extra,
      };
    });
}

export function withAxis(
  build: (g: GraphBuilder, x: Value, axis: number) => Value,
  extra: Partial<Case> = {},
): Cases {
  return shapes(1, 4).chain((shape) =>
    int(-shape.length, shape.length - 1).map((axis) => ({
      shape,
      build: (g, x) => build(g, x, axis),
      ...extra,
    })),
  );
}

export const pads = (count: number, largest: number) =>
  fc.array(int(0, largest), { minLength: count, maxLength: count });
export const autoPad = fc.constantFrom('NOTSET', 'NOTSET', 'SAME_UPPER', 'SAME_LOWER', 'VALID');

export const image = (largest = 4) => fc.tuple(int(1, 2), int(1, 3), int(1, largest), int(1, largest));
