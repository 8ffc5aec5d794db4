/** How much of one distribution lies within another, judged by balls around its images. */
import { distanceBlocks, exactDistances, type SquaredDistances } from './distances.ts';
import type { Features } from './features.ts';

/** Neighbours that set a ball's radius, as Kynkäänniemi et al. 2019 and the reference choose it. */
export const NEIGHBOURS = 3;

/** A set of images with a ball around each that reaches to its k-th neighbour in the set. */
export interface Manifold {
  readonly features: Features;
  /** `[rows]`, squared. */
  readonly squaredRadii: Float32Array;
}

export interface ManifoldOptions {
  readonly squaredDistances?: SquaredDistances;
  /** Called now and then with the share of the work that is done, 0 to 1. */
  readonly onProgress?: (share: number) => void;
}

export interface OverlapOptions extends ManifoldOptions {
  /** `[samples]`: which group each sample is in, to know what a group alone adds; one group for all if absent. */
  readonly groups?: Int32Array;
}

/**
 * Balls around every image that reach to its k-th nearest neighbour, itself not counted.
 *
 * @throws {RangeError} if there are not more than k images
 */
export async function manifoldOf(
  set: Features,
  k: number = NEIGHBOURS,
  { squaredDistances = exactDistances, onProgress = () => {} }: ManifoldOptions = {},
): Promise<Manifold> {
  if (set.rows <= k) {
    throw new RangeError(`the ${k}rd neighbour of each image needs more than ${k} images, got ${set.rows}`);
  }
  // The smallest k + 1 of each row, ascending; the first of them is the distance to itself.
  const nearest = new Float32Array(set.rows * (k + 1)).fill(Infinity);
  for await (const { from, rows, squared } of distanceBlocks(set, set, squaredDistances)) {
    for (let i = 0; i < rows[0]; i++) {
      const slots = nearest.subarray((from[0] + i) * (k + 1), (from[0] + i + 1) * (k + 1));
      for (let j = 0; j < rows[1]; j++) {
        const self = from[0] + i === from[1] + j;
        insert(slots, self ? 0 : squared[i * rows[1] + j]!);
      }
    }
    onProgress((from[0] * set.rows + rows[0] * (from[1] + rows[1])) / set.rows ** 2);
  }
  const squaredRadii = Float32Array.from({ length: set.rows }, (_, i) => nearest[i * (k + 1) + k]!);
  return { features: set, squaredRadii };
}

/** Keeps the smallest, ascending. */
function insert(slots: Float32Array, value: number): void {
  let at = slots.length - 1;
  if (value >= slots[at]!) return;
  while (at > 0 && slots[at - 1]! > value) {
    slots[at] = slots[at - 1]!;
    at--;
  }
  slots[at] = value;
}

export interface Overlap {
  /** Share of the samples that lie in a ball of the reference (Kynkäänniemi et al. 2019). */
  readonly precision: number;
  /** Share of the reference that lies in a ball of the samples. */
  readonly recall: number;
  /** Balls of the reference that a sample lies in, the mean over k (Naeem et al. 2020). */
  readonly density: number;
  /** Share of the reference's balls that hold a sample (Naeem et al. 2020). */
  readonly coverage: number;
}

/** For each image what the overlap's shares are means of. */
export interface OverlapCounts {
  /** `[samples]`: 1 in a ball of the reference. */
  readonly inReference: Uint8Array;
  /** `[samples]`: balls of the reference it lies in. */
  readonly balls: Int32Array;
  /** `[reference]`: the group whose balls it lies in, {@link NO_GROUP} or {@link SEVERAL_GROUPS}. */
  readonly inSamples: Int32Array;
  /** `[reference]`: the group that has samples in its ball, {@link NO_GROUP} or {@link SEVERAL_GROUPS}. */
  readonly covered: Int32Array;
}

export const NO_GROUP = -1;
export const SEVERAL_GROUPS = -2;

/** @throws {RangeError} if the two have other features */
export async function countOverlap(
  reference: Manifold,
  samples: Manifold,
  { squaredDistances = exactDistances, onProgress = () => {}, groups }: OverlapOptions = {},
): Promise<OverlapCounts> {
  const [references, sampled] = [reference.features.rows, samples.features.rows];
  const counts = {
    inReference: new Uint8Array(sampled),
    balls: new Int32Array(sampled),
    inSamples: new Int32Array(references).fill(NO_GROUP),
    covered: new Int32Array(references).fill(NO_GROUP),
  };
  const blocks = distanceBlocks(reference.features, samples.features, squaredDistances);
  for await (const { from, rows, squared } of blocks) {
    for (let i = 0; i < rows[0]; i++) {
      const r = from[0] + i;
      for (let j = 0; j < rows[1]; j++) {
        const s = from[1] + j;
        const group = groups === undefined ? 0 : groups[s]!;
        const distance = squared[i * rows[1] + j]!;
        if (distance <= reference.squaredRadii[r]!) {
          counts.inReference[s] = 1;
          counts.balls[s]!++;
          addGroup(counts.covered, r, group);
        }
        if (distance <= samples.squaredRadii[s]!) addGroup(counts.inSamples, r, group);
      }
    }
    onProgress((from[0] * sampled + rows[0] * (from[1] + rows[1])) / (references * sampled));
  }
  return counts;
}

function addGroup(of: Int32Array, row: number, group: number): void {
  const before = of[row]!;
  if (before !== group) of[row] = before === NO_GROUP ? group : SEVERAL_GROUPS;
}

/** @param k the neighbours that both manifolds were made with */
export async function overlapOf(
  reference: Manifold,
  samples: Manifold,
  k: number = NEIGHBOURS,
  options: ManifoldOptions = {},
): Promise<Overlap> {
  const { inReference, balls, inSamples, covered } = await countOverlap(reference, samples, options);
  return {
    precision: mean(inReference),
    recall: shareInGroups(inSamples),
    density: mean(balls) / k,
    coverage: shareInGroups(covered),
  };
}

/** @param without leaves out what this group alone adds */
export function shareInGroups(of: Int32Array, without: number = NO_GROUP): number {
  let inside = 0;
  for (const group of of) if (group !== NO_GROUP && group !== without) inside++;
  return inside / of.length;
}

function mean(values: Uint8Array | Int32Array): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum / values.length;
}
