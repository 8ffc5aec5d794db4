/** The normalisation that a classifier's images get before they reach it, as a part of its graph. */
import type { Graph } from '../graph/index.ts';
import { tensorFrom } from '../graph/index.ts';
import { addConstant, standardNode } from '../graph/rewrite.ts';

/** Of images in [0, 1], per channel or one for all: the classifier takes (image - mean) / std. */
export interface Normalization {
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/**
 * Lets a classifier of normalised images take x in [-1, 1], as the diffusion model has it:
 * ((x + 1) / 2 - mean) / std = x / (2 std) + (1/2 - mean) / std.
 *
 * @param image name of an input [N, C, H, W]; the new graph's input has the same
 * @throws {Error} unless there are as many means and deviations as channels, or one
 */
export function normalizeImage(classifier: Graph, image: string, { mean, std }: Normalization): Graph {
  const channels = classifier.inputs.find(({ name }) => name === image)?.shape[1];
  for (const [what, values] of Object.entries({ mean, std })) {
    if (values.length !== 1 && values.length !== channels) {
      throw new Error(
        `${values.length} values for the ${what} of ${channels} channels; expected one for each`,
      );
    }
  }
  if (!std.every((value) => value > 0)) throw new Error(`a std of ${std}; expected numbers above 0`);
  const count = Math.max(mean.length, std.length);
  const at = (values: readonly number[], channel: number) => values[values.length === 1 ? 0 : channel]!;
  const initializers = new Map(classifier.initializers);
  const values = new Map(classifier.values);
  const perChannel = (name: string, value: (mean: number, std: number) => number): string => {
    const data = Array.from({ length: count }, (_, channel) => value(at(mean, channel), at(std, channel)));
    return addConstant({ initializers, values }, name, tensorFrom('float32', [1, count, 1, 1], data));
  };
  const scaled = `${image}/scaled`;
  const normalized = `${image}/normalized`;
  const front = [
    standardNode('Mul', [image, perChannel(`${image}/scale`, (_, s) => 1 / (2 * s))], [scaled]),
    standardNode('Add', [scaled, perChannel(`${image}/shift`, (m, s) => (0.5 - m) / s)], [normalized]),
  ];
  const rest = classifier.nodes.map((original) => ({
    ...original,
    inputs: original.inputs.map((name) => (name === image ? normalized : name)),
  }));
  return { ...classifier, initializers, values, nodes: [...front, ...rest] };
}
