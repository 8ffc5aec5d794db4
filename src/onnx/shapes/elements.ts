/**
 * The elements of small tensors that shapes depend on: sizes, pads, axes and masks on their way through a graph, in
 * row-major order. Exporters compute with them in every rank (pairs of pads, masks of sizes that are -1), so what
 * moves elements around has to move these too.
 */
import { type Dim, divideDims, isStatic, multiplyDims, type Shape } from '../graph/dim.ts';
import type { Value, ValueType } from '../graph/graph.ts';
import { elementCount, MOST_ELEMENTS } from '../graph/tensor.ts';

/** A type with these elements, if they are known. */
export function withElements(type: ValueType, elements: readonly Dim[] | undefined): ValueType {
  return elements === undefined ? type : { ...type, elements };
}

/**
 * The elements of a tensor that consists of another one's elements.
 *
 * @param shape of the result
 * @param source where an element of the result comes from: coordinates to coordinates
 */
export function rearrange(
  { shape: from, elements }: Value,
  shape: Shape,
  source: (at: readonly number[]) => readonly number[],
): readonly Dim[] | undefined {
  if (elements === undefined || !isStatic(from) || !isStatic(shape)) return undefined;
  if (elementCount(shape) > MOST_ELEMENTS) return undefined;
  const picked = coordinates(shape).map((at) => elements[positionOf(source(at), from)]);
  return picked.every((element) => element !== undefined) ? picked : undefined;
}

/** Repeats a value's elements as broadcasting to `shape` does. */
export function broadcastElements(value: Value, shape: Shape): readonly Dim[] | undefined {
  const missing = shape.length - value.shape.length;
  return rearrange(value, shape, (at) =>
    value.shape.map((size, axis) => (size === 1 ? 0 : at[axis + missing]!)),
  );
}

/** Of two elements; `undefined` if the result is not known before the graph runs. */
export type ElementArithmetic = (a: Dim, b: Dim) => Dim | undefined;

/** Element by element, with broadcasting to `shape`. */
export function combineElements(
  a: Value,
  b: Value,
  shape: Shape,
  arithmetic: ElementArithmetic,
): readonly Dim[] | undefined {
  const [left, right] = [broadcastElements(a, shape), broadcastElements(b, shape)];
  if (left === undefined || right === undefined) return undefined;
  return everyKnown(left.map((element, index) => arithmetic(element, right[index]!)));
}

/** All elements, or `undefined` if one of them is. */
export function everyKnown(elements: readonly (Dim | undefined)[]): readonly Dim[] | undefined {
  return elements.every((element) => element !== undefined) ? elements : undefined;
}

function numbersOnly(compute: (a: number, b: number) => number): ElementArithmetic {
  return (a, b) => (typeof a === 'number' && typeof b === 'number' ? compute(a, b) : undefined);
}

const INTEGER_ARITHMETIC: Readonly<Record<string, ElementArithmetic>> = {
  Add: (a, b) => (a === 0 ? b : b === 0 ? a : numbersOnly((x, y) => x + y)(a, b)),
  Sub: (a, b) => (b === 0 ? a : a === b ? 0 : numbersOnly((x, y) => x - y)(a, b)),
  Mul: (a, b) => multiplyDims([a, b]),
  Div: (a, b) => divideDims(a, b) ?? numbersOnly((x, y) => Math.trunc(x / y))(a, b),
  // The result has the divisor's sign.
  Mod: (a, b) =>
    divideDims(a, b) === undefined ? numbersOnly((x, y) => x - y * Math.floor(x / y))(a, b) : 0,
};

const FLOAT_ARITHMETIC: Readonly<Record<string, ElementArithmetic>> = {
  Add: numbersOnly((x, y) => x + y),
  Sub: numbersOnly((x, y) => x - y),
  Mul: (a, b) => (a === 1 ? b : b === 1 ? a : numbersOnly((x, y) => x * y)(a, b)),
  Div: (a, b) => (b === 1 ? a : numbersOnly((x, y) => x / y)(a, b)),
};

const EITHER_ARITHMETIC: Readonly<Record<string, ElementArithmetic>> = {
  Min: numbersOnly(Math.min),
  Max: numbersOnly(Math.max),
  Equal: (a, b) => (a === b ? 1 : differs(a, b) ? 0 : undefined),
  Greater: numbersOnly((x, y) => Number(x > y)),
  GreaterOrEqual: numbersOnly((x, y) => Number(x >= y)),
  Less: numbersOnly((x, y) => Number(x < y)),
  LessOrEqual: numbersOnly((x, y) => Number(x <= y)),
  And: numbersOnly((x, y) => x * y),
  Or: numbersOnly((x, y) => Math.max(x, y)),
  Xor: numbersOnly((x, y) => Number(x !== y)),
};

/** A symbol is the size of something: at least 0, whatever it turns out to be. */
function differs(a: Dim, b: Dim): boolean {
  if (typeof a === 'number' && typeof b === 'number') return true;
  return [a, b].some((element) => typeof element === 'number' && element < 0);
}

/** What an operator of two inputs does to elements; `undefined` where nothing is known of it. */
export function arithmeticOf(opType: string, integral: boolean): ElementArithmetic | undefined {
  return (integral ? INTEGER_ARITHMETIC : FLOAT_ARITHMETIC)[opType] ?? EITHER_ARITHMETIC[opType];
}

function coordinates(shape: readonly number[]): number[][] {
  return shape.reduce<number[][]>(
    (all, size) => all.flatMap((at) => Array.from({ length: size }, (_, index) => [...at, index])),
    [[]],
  );
}

function positionOf(at: readonly number[], shape: readonly number[]): number {
  return shape.reduce((position, size, axis) => position * size + at[axis]!, 0);
}
