/** Tells image, timestep and logits apart among the inputs and outputs of a classifier that Cairn did not build. */
import { type DataType, isFloat } from '../graph/data-type.ts';
import { type Shape, showShape } from '../graph/dim.ts';
import type { Graph, Value } from '../graph/index.ts';
import type { ClassifierNames } from './gradient-graph.ts';

/** What the caller knows already. */
export type InterfaceHints = Partial<ClassifierNames>;

/** The names don't determine the interface, or are not there: the caller has to say more, or something else. */
export class InterfaceError extends Error {
  override readonly name = 'InterfaceError';
}

/**
 * - image: the one floating-point input of rank 4
 * - timestep: the one other input, if there is one: `[N]` or `[N, 1]`
 * - logits: the one floating-point output `[N, K]`, `[N, K, 1, 1]` or `[N, 1, 1, K]`; of several, the one that is called logits
 *
 * @throws {InterfaceError} listing the candidates where there is not exactly one
 */
export function findInterface(classifier: Graph, hints: InterfaceHints = {}): ClassifierNames {
  const { inputs, outputs } = classifier;
  const image = pick('image', '--input', inputs, isImage, hints.image);
  const rest = inputs.filter((value) => value !== image);
  const timestep =
    hints.timestep === undefined && rest.length === 0
      ? undefined
      : pick('timestep', '--timestep', rest, isTimestep, hints.timestep);
  const unfed = rest.find((value) => value !== timestep);
  if (unfed !== undefined) {
    throw new InterfaceError(
      `nothing can be fed to input ${showValue(unfed)}: a classifier takes an image and at most a timestep`,
    );
  }
  const logits = pick('logits', '--output', outputs, isScores, hints.logits, /logit/i);
  return {
    image: image.name,
    logits: logits.name,
    ...(timestep !== undefined && { timestep: timestep.name }),
  };
}

interface Kind {
  readonly description: string;
  readonly matches: (value: Value) => boolean;
}

const isImage: Kind = {
  description: 'a floating-point input [N, C, H, W] or [N, H, W, C]',
  matches: ({ dtype, shape }) => isFloat(dtype) && shape.length === 4,
};

const isTimestep: Kind = {
  description: 'an input of numbers [N] or [N, 1]',
  matches: ({ dtype, shape }) => isNumeric(dtype) && (shape.length === 1 || isColumn(shape)),
};

const isScores: Kind = {
  description: 'a floating-point output [N, K]',
  matches: ({ dtype, shape }) =>
    isFloat(dtype) &&
    shape.length >= 2 &&
    (shape.slice(2).every((size) => size === 1) || shape.slice(1, -1).every((size) => size === 1)),
};

function isNumeric(dtype: DataType): boolean {
  return isFloat(dtype) || dtype === 'int64' || dtype === 'int32';
}

/** `[N, 1]` */
export function isColumn(shape: Shape): boolean {
  return shape.length === 2 && shape[1] === 1;
}

function pick(
  role: string,
  flag: string,
  values: readonly Value[],
  { description, matches }: Kind,
  hint: string | undefined,
  preferred?: RegExp,
): Value {
  const list = values.length === 0 ? 'none' : values.map(showValue).join(', ');
  if (hint !== undefined) {
    const named = values.find(({ name }) => name === hint);
    if (named === undefined)
      throw new InterfaceError(`there is no ${hint} for the ${role}; there is ${list}`);
    if (!matches(named)) {
      throw new InterfaceError(`${showValue(named)} can't be the ${role}, which is ${description}`);
    }
    return named;
  }
  const candidates = values.filter(matches);
  const favourites = preferred ? candidates.filter(({ name }) => preferred.test(name)) : [];
  const [only, ...others] = favourites.length === 1 ? favourites : candidates;
  if (only === undefined) {
    throw new InterfaceError(`no ${role} found, which is ${description}; there is ${list}`);
  }
  if (others.length > 0) {
    const names = [only, ...others].map(showValue).join(' or ');
    throw new InterfaceError(`the ${role} may be ${names}; say which with ${flag}`);
  }
  return only;
}

/** A value as reports and errors call it: `image float32[N, 3, 224, 224]`. */
export function showValue({ name, dtype, shape }: Value): string {
  return `${name} ${dtype}${showShape(shape)}`;
}
