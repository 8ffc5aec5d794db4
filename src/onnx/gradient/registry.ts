/** The table of gradient rules: operator name -> rule. */
import type { GradientRule } from './context.ts';
import { activations } from './rules/activations.ts';
import { arithmetic } from './rules/arithmetic.ts';
import { channelNormalizations } from './rules/channel-normalizations.ts';
import { convolutions } from './rules/convolutions.ts';
import { indexing } from './rules/indexing.ts';
import { layout } from './rules/layout.ts';
import { matrixProducts } from './rules/matrix-products.ts';
import { normalizations } from './rules/normalizations.ts';
import { NOT_DIFFERENTIABLE } from './rules/not-differentiable.ts';
import { padding } from './rules/padding.ts';
import { pooling } from './rules/pooling.ts';
import { reductions } from './rules/reductions.ts';
import { resizing } from './rules/resizing.ts';

/** The rules by the file in rules/ that has them. */
export const OPERATOR_FAMILIES: Readonly<Record<string, Readonly<Record<string, GradientRule>>>> = {
  arithmetic,
  activations,
  convolutions,
  pooling,
  'matrix-products': matrixProducts,
  reductions,
  normalizations,
  'channel-normalizations': channelNormalizations,
  layout,
  indexing,
  padding,
  resizing,
};

const GRADIENT_RULES: Readonly<Record<string, GradientRule>> = Object.assign(
  {},
  ...Object.values(OPERATOR_FAMILIES),
);

/** Operators with a gradient rule. */
export const differentiableOperators: readonly string[] = Object.keys(GRADIENT_RULES).sort();

/** The rule of an operator; `none` if its gradient is zero wherever it exists; `undefined` if it is not known. */
export function gradientRule(opType: string): GradientRule | 'none' | undefined {
  if (NOT_DIFFERENTIABLE.has(opType)) return 'none';
  return Object.hasOwn(GRADIENT_RULES, opType) ? GRADIENT_RULES[opType] : undefined;
}
