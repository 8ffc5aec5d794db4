/** Holds a gradient graph against finite differences of its own log-probabilities. */
import { drawNoise } from '../core/index.ts';
import type { NamedTensor } from '../inference/oip/tensor.ts';
import { percent } from './answers.ts';
import type { Network } from './network.ts';

/** Steps along the direction, whose elements are about 1: too small drowns in float32, too large leaves the tangent. */
const STEP_SIZES = [0.1, 0.03, 0.01, 0.003, 0.001];
const TOLERANCE = 0.05;
/** A direction nearly across the gradient says nothing about it. */
const LEAST_COSINE = 0.5;
const MOST_DIRECTIONS = 32;

/**
 * Compares gradient . v with the central difference of sum_k target_k log p(k | x, t) along v, for one image and one
 * random direction v.
 *
 * @param inputs of a batch of one
 * @returns what was seen
 * @throws {Error} if they differ by more than 5 % at every step size
 */
export async function checkGradient(
  network: Network,
  inputs: ReadonlyMap<string, NamedTensor>,
): Promise<string> {
  const { gradient } = await network.run(inputs, 1);
  const direction = directionAlong(gradient!);
  const expected = dot(gradient!, direction);
  let best = { error: Number.POSITIVE_INFINITY, slope: 0, step: 0 };
  for (const step of STEP_SIZES) {
    const ahead = await selectedLogProb(network, moved(inputs, direction, step));
    const behind = await selectedLogProb(network, moved(inputs, direction, -step));
    const slope = (ahead - behind) / (2 * step);
    const error = slope === expected ? 0 : Math.abs(slope - expected) / Math.abs(expected);
    if (error < best.error) best = { error, slope, step };
  }
  if (!(best.error <= TOLERANCE)) {
    throw new Error(
      `along a random direction the gradient says ${expected.toPrecision(3)}, finite differences of log_probs say ${best.slope.toPrecision(3)}`,
    );
  }
  return `along a random direction within ${percent(best.error)} of finite differences (${expected.toPrecision(3)})`;
}

/** Standard normal, and the first of several that is not nearly at right angles to the gradient for its length. */
function directionAlong(gradient: Float32Array): Float32Array {
  const norm = Math.sqrt(dot(gradient, gradient));
  for (let seed = 0; seed < MOST_DIRECTIONS; seed++) {
    const direction = drawNoise([seed], gradient.length, 0xc41);
    // gradient . v is normally distributed with standard deviation |gradient|.
    if (Math.abs(dot(gradient, direction)) >= LEAST_COSINE * norm) return direction;
  }
  throw new Error('the gradient is across every random direction that was tried');
}

async function selectedLogProb(network: Network, inputs: ReadonlyMap<string, NamedTensor>): Promise<number> {
  const { log_probs } = await network.run(inputs, 1);
  return dot(log_probs!, inputs.get('target')!.data as Float32Array);
}

function moved(
  inputs: ReadonlyMap<string, NamedTensor>,
  direction: Float32Array,
  step: number,
): Map<string, NamedTensor> {
  const x = inputs.get('x')!;
  const data = (x.data as Float32Array).map((value, i) => value + step * direction[i]!);
  return new Map([...inputs, ['x', { ...x, data }]]);
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (const [i, value] of a.entries()) sum += value * b[i]!;
  return sum;
}
