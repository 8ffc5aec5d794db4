/** A network block by block: what each answers on the way, so that a wrong one is named. */
import { z } from 'zod';
import type { Npz } from '../npz.ts';
import type { NetworkAnswer } from '../onnx-networks.ts';
import { type Comparison, largestMagnitude } from '../result.ts';

/** What a description says of a block's answer. */
export const fingerprintSchema = z.looseObject({
  module: z.string(),
  shape: z.array(z.int()),
  mean: z.number(),
  /** With n - 1 in the denominator, or n: the difference is below the tolerance of no larger block. */
  std: z.number(),
  first8: z.array(z.number()),
});
type Fingerprint = z.infer<typeof fingerprintSchema>;

/** The part of a network's description that this needs. */
interface Blocks {
  readonly class: string;
  readonly activation_fingerprints?: readonly Fingerprint[] | undefined;
}

/**
 * Relative to a block's largest value. Of a U-Net, what float32 kernels make that sum in other orders, layer after
 * layer. An encoder's fingerprints belong to an image a little off the one in its arrays (moved for differences, from
 * the stem on): they tell a block that is right from one that is not, and no more.
 */
const BLOCK_TOLERANCE: Readonly<Record<string, number>> = { EncoderUNetModel: 0.05 };
const USUAL_TOLERANCE = 2e-5;

/** Standard deviations may be those of a sample: n / (n - 1) matters to blocks of few elements. */
const STD_TOLERANCE = 5e-3;

/**
 * Compares the blocks in the order of the network and stops at the first that is wrong: the ones behind it are wrong
 * because of it.
 *
 * @param answers of the blocks that could be told apart in the graph
 * @param npz may have whole answers, as `act.MODULE`
 */
export function compareBlocks(
  comparison: Comparison,
  { class: kind, activation_fingerprints: fingerprints = [] }: Blocks,
  answers: ReadonlyMap<string, NetworkAnswer>,
  npz: Npz,
): void {
  const tolerance = BLOCK_TOLERANCE[kind] ?? USUAL_TOLERANCE;
  for (const expected of fingerprints) {
    const answer = answers.get(expected.module);
    if (answer === undefined) continue;
    const right = compareBlock(comparison, expected, answer, { tolerance, npz });
    if (!right) return;
  }
}

/** @returns whether the block is right */
function compareBlock(
  comparison: Comparison,
  { module, shape, mean, std, first8 }: Fingerprint,
  { dims, data }: NetworkAnswer,
  { tolerance: relative, npz }: { readonly tolerance: number; readonly npz: Npz },
): boolean {
  const what = `block ${module}`;
  const before = comparison.failures;
  comparison.same(`shape of ${what}`, dims, shape);
  const scale = largestMagnitude(data, 1e-3);
  const tolerance = relative * scale;
  comparison.close(`first elements of ${what}`, data.subarray(0, first8.length), first8, tolerance);
  const count = data.length;
  const average = data.reduce((sum, value) => sum + value, 0) / count;
  const variance = data.reduce((sum, value) => sum + (value - average) ** 2, 0) / count;
  comparison.close(`mean of ${what}`, [average], [mean], tolerance);
  comparison.close(
    `standard deviation of ${what}`,
    [Math.sqrt(variance)],
    [std],
    STD_TOLERANCE * std + tolerance,
  );
  if (npz.has(`act.${module}`)) comparison.close(what, data, npz.float32(`act.${module}`), tolerance);
  return comparison.failures === before;
}
