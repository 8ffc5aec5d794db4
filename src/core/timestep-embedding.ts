import { cos, exp, log, sin } from './math.ts';

const { fround } = Math;

/**
 * Sinusoidal timestep embedding `[N, dim]`: cosines, then sines, of the timestep at dim / 2 frequencies from 1 down
 * towards 1 / maxPeriod; an odd dim ends with a zero. Frequencies and angles are float32, as in the reference.
 *
 * @param timesteps `[N]`, fractions allowed
 * @throws {RangeError} if dim or maxPeriod is not positive
 */
export function timestepEmbedding(timesteps: Float32Array, dim: number, maxPeriod = 10000): Float32Array {
  if (!Number.isSafeInteger(dim) || dim < 1)
    throw new RangeError(`dim has to be a positive whole number, got ${dim}`);
  if (!(maxPeriod > 0)) throw new RangeError(`the longest period has to be positive, got ${maxPeriod}`);
  const half = Math.floor(dim / 2);
  const frequencies = embeddingFrequencies(half, maxPeriod);
  const out = new Float32Array(timesteps.length * dim);
  for (const [n, timestep] of timesteps.entries()) {
    for (let i = 0; i < half; i++) {
      const angle = fround(timestep * frequencies[i]!);
      out[n * dim + i] = cos(angle);
      out[n * dim + half + i] = sin(angle);
    }
  }
  return out;
}

/** exp(-log(maxPeriod) i / half) for i = 0 .. half - 1, in float32. */
export function embeddingFrequencies(half: number, maxPeriod: number): Float32Array {
  const slope = fround(-log(maxPeriod));
  return Float32Array.from({ length: half }, (_, i) => exp(fround(fround(slope * i) / half)));
}
