/**
 * Dimensions: a number, or a symbol such as `N`, or a product of both such as `4*N`.
 *
 * Shape arithmetic in exported graphs multiplies and divides dimensions (heads times batch, and back), so a product
 * is kept in one canonical spelling: the number first, then the symbols in order.
 */
export type Dim = number | string;
export type Shape = readonly Dim[];

interface Product {
  readonly factor: number;
  readonly symbols: readonly string[];
}

function parse(dim: Dim): Product {
  if (typeof dim === 'number') return { factor: dim, symbols: [] };
  const parts = dim.split('*');
  const numeric = /^-?\d+$/.test(parts[0]!);
  return numeric ? { factor: Number(parts[0]), symbols: parts.slice(1) } : { factor: 1, symbols: parts };
}

function format({ factor, symbols }: Product): Dim {
  if (factor === 0 || symbols.length === 0) return factor;
  const sorted = [...symbols].sort().join('*');
  return factor === 1 ? sorted : `${factor}*${sorted}`;
}

export function multiplyDims(dims: Shape): Dim {
  const products = dims.map(parse);
  return format({
    factor: products.reduce((product, { factor }) => product * factor, 1),
    symbols: products.flatMap(({ symbols }) => symbols),
  });
}

/** numerator / denominator, or `undefined` if that is no whole product for every value of the symbols. */
export function divideDims(numerator: Dim, denominator: Dim): Dim | undefined {
  const above = parse(numerator);
  const below = parse(denominator);
  if (below.factor === 0 || above.factor % below.factor !== 0) return undefined;
  const symbols = [...above.symbols];
  for (const symbol of below.symbols) {
    const at = symbols.indexOf(symbol);
    if (at < 0) return undefined;
    symbols.splice(at, 1);
  }
  return format({ factor: above.factor / below.factor, symbols });
}

/** The size when every symbol stands for `count`. */
export function sizeOf(dim: Dim, count: number): number {
  const { factor, symbols } = parse(dim);
  return factor * count ** symbols.length;
}

/** Whether both are known to be the same size. */
export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((dim, axis) => dim === b[axis]);
}

export function isStatic(shape: Shape): shape is readonly number[] {
  return shape.every((dim) => typeof dim === 'number');
}

/** `-1` counted from the end; @throws {Error} outside `[-rank, rank)`. */
export function normalizeAxis(axis: number, rank: number): number {
  const index = axis < 0 ? axis + rank : axis;
  if (!Number.isInteger(index) || index < 0 || index >= rank) {
    throw new Error(`axis ${axis} lies outside a tensor of rank ${rank}`);
  }
  return index;
}

export function showShape(shape: Shape): string {
  return `[${shape.join(', ')}]`;
}
