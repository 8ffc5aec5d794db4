/** Node attributes: typed as in onnx.proto, with a short way to write them. */
import type { Tensor } from './tensor.ts';

export type Attribute =
  | { readonly type: 'int'; readonly value: number }
  | { readonly type: 'float'; readonly value: number }
  | { readonly type: 'string'; readonly value: string }
  | { readonly type: 'ints'; readonly value: readonly number[] }
  | { readonly type: 'floats'; readonly value: readonly number[] }
  | { readonly type: 'strings'; readonly value: readonly string[] }
  | { readonly type: 'tensor'; readonly value: Tensor };

export type Attributes = Readonly<Record<string, Attribute>>;

/** What a caller writes: `{ axis: 1, perm: [0, 2, 1], equation: 'ij,jk->ik' }`. */
export type AttributeInput = Readonly<
  Record<string, number | string | readonly number[] | Tensor | undefined>
>;

/** JavaScript has one number type and ONNX two: these attributes of the standard operators are the float ones. */
const FLOAT_ATTRIBUTES = new Set([
  'alpha',
  'beta',
  'bias',
  'cubic_coeff_a',
  'epsilon',
  'extrapolation_value',
  'gamma',
  'lambd',
  'momentum',
  'scales',
  'value_float',
  'value_floats',
]);

/** Gives each plain value its ONNX type; a caller's `undefined` leaves the attribute out. */
export function toAttributes(input: AttributeInput): Attributes {
  const attributes: Record<string, Attribute> = {};
  for (const [name, value] of Object.entries(input)) {
    if (value !== undefined) attributes[name] = toAttribute(name, value);
  }
  return attributes;
}

function toAttribute(name: string, value: number | string | readonly number[] | Tensor): Attribute {
  if (typeof value === 'string') return { type: 'string', value };
  if (typeof value === 'object' && 'bytes' in value) return { type: 'tensor', value };
  const numbers = typeof value === 'number' ? [value] : value;
  if (FLOAT_ATTRIBUTES.has(name)) {
    return typeof value === 'number' ? { type: 'float', value } : { type: 'floats', value: numbers };
  }
  if (!numbers.every(Number.isSafeInteger)) {
    throw new Error(`attribute ${name} takes integers, not ${numbers.join(', ')}`);
  }
  return typeof value === 'number' ? { type: 'int', value } : { type: 'ints', value: numbers };
}
