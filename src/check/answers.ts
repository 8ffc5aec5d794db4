/** What can be said of a network's answers without knowing the right ones. */
import type { Answer } from './network.ts';

/** float16 in the middle of a network leaves about three digits. */
const SAME = 1e-2;
const SUM_TOLERANCE = 1e-3;

/**
 * An image's answer must not depend on its neighbours in the batch, beyond the engine's rounding.
 *
 * @returns what was seen
 * @throws {Error} if the first image of `many` got another answer than it got alone
 */
export function checkIndependence(alone: Answer, many: Answer, batch: number): string {
  const worst = Math.max(
    ...Object.entries(alone).map(([name, values]) => {
      const error = relativeError(values, many[name]!.subarray(0, values.length));
      if (error > SAME) {
        throw new Error(
          `${name}: in a batch of ${batch} an image's answer differs by ${percent(error)} from its answer alone; is a batch of 1 built into the graph?`,
        );
      }
      return error;
    }),
  );
  return `an image alone and in a batch of ${batch}: the same within ${percent(worst)}`;
}

/** @throws {Error} if exp(log_probs) [N, K] don't sum to 1 */
export function checkLogProbs(logProbs: Float32Array, classes: number): string {
  for (let start = 0; start < logProbs.length; start += classes) {
    const sum = logProbs
      .subarray(start, start + classes)
      .reduce((total, value) => total + Math.exp(value), 0);
    if (!(Math.abs(sum - 1) <= SUM_TOLERANCE)) {
      throw new Error(
        `the probabilities of image ${start / classes} sum to ${sum.toPrecision(4)}; expected 1`,
      );
    }
  }
  return `the probabilities of ${classes} classes sum to 1`;
}

/** @throws {Error} if the classifier's logits [N, K] are not those the gradient graph has inside */
export function checkSameClassifier(logits: Float32Array, logProbs: Float32Array, classes: number): string {
  const error = relativeError(logProbs, logSoftmax(logits, classes));
  if (error > SAME) {
    throw new Error(
      `log_softmax of classifier.onnx and log_probs of gradient.onnx differ by ${percent(error)}: two classifiers`,
    );
  }
  return `agrees with log_probs within ${percent(error)}`;
}

function logSoftmax(logits: Float32Array, classes: number): Float32Array {
  const result = new Float32Array(logits.length);
  for (let start = 0; start < logits.length; start += classes) {
    const row = logits.subarray(start, start + classes);
    const largest = Math.max(...row);
    const logSum = largest + Math.log(row.reduce((sum, value) => sum + Math.exp(value - largest), 0));
    for (const [k, value] of row.entries()) result[start + k] = value - logSum;
  }
  return result;
}

/** Largest difference over the largest value of `expected`. */
function relativeError(expected: Float32Array, actual: Float32Array): number {
  let [difference, scale] = [0, 0];
  for (const [i, value] of expected.entries()) {
    difference = Math.max(difference, Math.abs(value - actual[i]!));
    scale = Math.max(scale, Math.abs(value));
  }
  return difference === 0 ? 0 : difference / scale;
}

export function percent(ratio: number): string {
  return `${(100 * ratio).toPrecision(2)} %`;
}
