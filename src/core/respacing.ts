import { roundHalfEven } from './math.ts';

/** A respacing that no diffusion of this length can be given; the message says what was wrong and what is allowed. */
export class RespacingError extends RangeError {
  override readonly name = 'RespacingError';
}

const GRAMMAR =
  'expected a number of steps such as "250", a number per section such as "10,10,15,20,25", or "ddim25"';

/**
 * Which of `steps` timesteps a shorter process keeps.
 *
 * - `"ddimN"`: every k-th timestep from 0, with the k that gives exactly N of them (Song et al. 2021).
 * - `"a,b,c"` or `[a, b, c]`: the process is cut into as many equal sections, and each keeps that many timesteps,
 *   evenly spread from its first to its last. A count of 0 leaves its section out. Spaces are allowed.
 *
 * Positions are rounded half to even. The result is sorted and has no repetition.
 *
 * @throws {RespacingError} if the string does not follow the grammar (the empty string included), if a section has
 *   fewer timesteps than it should keep, or if no stride gives exactly N timesteps
 */
export function spaceTimesteps(steps: number, respacing: string | readonly number[]): number[] {
  if (!Number.isSafeInteger(steps) || steps < 1) {
    throw new RespacingError(`a diffusion has a positive whole number of steps, got ${steps}`);
  }
  if (typeof respacing !== 'string') return spaceSections(steps, respacing);
  if (respacing.startsWith('ddim')) {
    return spaceByStride(steps, parseCount(respacing.slice('ddim'.length), respacing));
  }
  return spaceSections(
    steps,
    respacing.split(',').map((count) => parseCount(count, respacing)),
  );
}

function parseCount(text: string, respacing: string): number {
  if (!/^\s*[+-]?\d+(_\d+)*\s*$/.test(text)) {
    throw new RespacingError(
      `timestep respacing ${JSON.stringify(respacing)}: ${JSON.stringify(text)} is not a whole number; ${GRAMMAR}`,
    );
  }
  return Number(text.replaceAll('_', ''));
}

function spaceByStride(steps: number, count: number): number[] {
  for (let stride = 1; stride < steps; stride++) {
    if (Math.ceil(steps / stride) === count) {
      return Array.from({ length: count }, (_, i) => i * stride);
    }
  }
  throw new RespacingError(
    `timestep respacing "ddim${count}": no integer stride keeps exactly ${count} of ${steps} timesteps`,
  );
}

function spaceSections(steps: number, counts: readonly number[]): number[] {
  const kept = new Set<number>();
  const size = Math.floor(steps / counts.length);
  const larger = steps % counts.length; // the first sections take one more timestep each
  let start = 0;
  for (const [section, count] of counts.entries()) {
    const length = size + (section < larger ? 1 : 0);
    if (!Number.isInteger(count)) {
      throw new RespacingError(`timestep respacing: ${count} is not a whole number; ${GRAMMAR}`);
    }
    if (length < count) {
      throw new RespacingError(
        `timestep respacing "${counts.join(',')}": section ${section + 1} has ${length} timesteps, ` +
          `it cannot be divided into ${count}`,
      );
    }
    const stride = count <= 1 ? 1 : (length - 1) / (count - 1);
    let position = 0; // summed up, not multiplied: the reference's roundings at the ties depend on it
    for (let i = 0; i < count; i++) {
      kept.add(start + roundHalfEven(position));
      position += stride;
    }
    start += length;
  }
  return [...kept].sort((a, b) => a - b);
}

/**
 * The noise schedule of the process that visits only `timesteps`: its alpha_bar at each is that of the whole process
 * (Nichol & Dhariwal 2021, eq. 19).
 *
 * @param alphasCumprod alpha_bar of the whole process
 * @param timesteps sorted, without repetition
 */
export function respaceBetas(alphasCumprod: Float64Array, timesteps: readonly number[]): Float64Array {
  let previous = 1;
  return Float64Array.from(timesteps, (t) => {
    const beta = 1 - alphasCumprod[t]! / previous;
    previous = alphasCumprod[t]!;
    return beta;
  });
}
