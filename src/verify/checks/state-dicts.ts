/** Comparisons of a checkpoint's tensors with what an index, an .npz file or another checkpoint says of them. */
import type { Checkpoint, CheckpointTensor } from '../../onnx/checkpoint/checkpoint.ts';
import type { Npz } from '../npz.ts';
import type { Comparison } from '../result.ts';

/** An entry of a list of tensors. */
export interface TensorFacts {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype?: string | undefined;
  readonly sum?: number | undefined;
  readonly abs_sum?: number | undefined;
}

/** float64 sums in another order, relative to the sum of magnitudes. */
const SUM_TOLERANCE = 1e-12;

/** Names in order, types, shapes and sums. */
export function compareFacts(
  comparison: Comparison,
  checkpoint: Checkpoint,
  facts: readonly TensorFacts[],
): void {
  comparison.same(
    'tensor names',
    [...checkpoint.tensors.keys()],
    facts.map(({ name }) => name),
  );
  for (const { name, shape, dtype, sum, abs_sum } of facts) {
    const tensor = checkpoint.tensors.get(name);
    if (!tensor) continue;
    comparison.same(`shape of ${name}`, tensor.shape, shape);
    if (dtype !== undefined) comparison.same(`type of ${name}`, tensor.dtype, dtype);
    if (sum === undefined || abs_sum === undefined) continue;
    const actual = sumsOf(tensor);
    const tolerance = SUM_TOLERANCE * (abs_sum + 1);
    comparison.close(`sum of ${name}`, [actual.sum, actual.magnitude], [sum, abs_sum], tolerance);
  }
}

/** How many of the first elements a summary of a large tensor lists. */
const SUMMARY_HEAD = 6;

/**
 * Exact values. An array of another length than its tensor is a summary in float64: sum, sum of magnitudes, first six
 * elements.
 */
export function compareValues(comparison: Comparison, checkpoint: Checkpoint, npz: Npz): void {
  comparison.same('names of values', [...checkpoint.tensors.keys()].sort(), npz.names.sort());
  for (const name of npz.names) {
    const tensor = checkpoint.tensors.get(name);
    if (!tensor) continue;
    const expected = npz.array(name);
    const count = tensor.shape.reduce((product, size) => product * size, 1);
    if (
      expected.dtype === 'float64' &&
      expected.data.length === SUMMARY_HEAD + 2 &&
      count !== SUMMARY_HEAD + 2
    ) {
      const { sum, magnitude } = sumsOf(tensor);
      const [expectedSum, expectedMagnitude, ...head] = expected.data;
      const tolerance = SUM_TOLERANCE * (expectedMagnitude! + 1);
      comparison.close(`sums of ${name}`, [sum, magnitude], [expectedSum!, expectedMagnitude!], tolerance);
      comparison.close(`first values of ${name}`, numbersOf(tensor).slice(0, SUMMARY_HEAD), head, 0);
      continue;
    }
    comparison.same(`shape of ${name}`, tensor.shape, expected.shape);
    comparison.close(name, numbersOf(tensor), expected.data, 0);
  }
}

/** Whether a checkpoint has each tensor of `part` with the same shape and, if `values`, the same elements. */
export function includes(whole: Checkpoint, part: Checkpoint, { values }: { values: boolean }): boolean {
  return [...part.tensors].every(([name, tensor]) => {
    const twin = whole.tensors.get(name);
    if (!twin || `${twin.shape}` !== `${tensor.shape}`) return false;
    return !values || `${numbersOf(twin)}` === `${numbersOf(tensor)}`;
  });
}

function sumsOf(tensor: CheckpointTensor): { sum: number; magnitude: number } {
  let [sum, magnitude] = [0, 0];
  for (const value of numbersOf(tensor)) {
    sum += value;
    magnitude += Math.abs(value);
  }
  return { sum, magnitude };
}

function numbersOf(tensor: CheckpointTensor): number[] {
  return Array.from<number | bigint, number>(tensor.read(), Number);
}
