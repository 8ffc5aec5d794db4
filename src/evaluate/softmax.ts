/** Probabilities as they are; logits through a softmax. */

/**
 * Rows that add up to 1 and hold nothing below 0 are taken for probabilities already.
 *
 * @param values `[N, classes]`
 */
export function softmaxRows(values: Float32Array, classes: number): Float32Array {
  if (areProbabilities(values, classes)) return values;
  const out = new Float32Array(values.length);
  for (let at = 0; at < values.length; at += classes) {
    const row = values.subarray(at, at + classes);
    const largest = row.reduce((max, value) => Math.max(max, value), -Infinity);
    const exponentials = Float64Array.from(row, (value) => Math.exp(value - largest));
    const total = exponentials.reduce((sum, value) => sum + value, 0);
    exponentials.forEach((value, k) => {
      out[at + k] = value / total;
    });
  }
  return out;
}

function areProbabilities(values: Float32Array, classes: number): boolean {
  for (let at = 0; at < values.length; at += classes) {
    let total = 0;
    for (let k = 0; k < classes; k++) {
      if (values[at + k]! < 0) return false;
      total += values[at + k]!;
    }
    if (Math.abs(total - 1) > 1e-3) return false;
  }
  return true;
}
