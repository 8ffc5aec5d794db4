import { cos } from './math.ts';
import type { NoiseSchedule } from './settings.ts';

/** No beta of the cosine schedule is larger, to avoid a singularity at the end of the process. */
const LARGEST_COSINE_BETA = 0.999;

const SCHEDULES: Readonly<Record<NoiseSchedule, (steps: number) => Float64Array>> = {
  linear: linearBetas,
  cosine: cosineBetas,
};

/**
 * The noise schedule beta_1 ... beta_T as a table of float64, index 0 being beta_1.
 *
 * @throws {RangeError} for an unknown schedule, a number of steps that is no positive integer, or one with which a
 *   beta leaves (0, 1] (the linear schedule needs at least 20 steps)
 */
export function namedBetas(schedule: NoiseSchedule, steps: number): Float64Array {
  if (!Number.isSafeInteger(steps) || steps < 1) {
    throw new RangeError(`a diffusion has a positive whole number of steps, got ${steps}`);
  }
  if (!Object.hasOwn(SCHEDULES, schedule)) {
    throw new RangeError(
      `unknown noise schedule "${schedule}": expected ${Object.keys(SCHEDULES).join(' or ')}`,
    );
  }
  const betas = SCHEDULES[schedule](steps);
  const bad = betas.findIndex((beta) => !(beta > 0 && beta <= 1));
  if (bad >= 0) {
    throw new RangeError(
      `the ${schedule} schedule with ${steps} steps has beta ${betas[bad]} at index ${bad}: ` +
        'every beta has to lie in (0, 1]',
    );
  }
  return betas;
}

/** beta from 0.0001 to 0.02 at 1000 steps, scaled to keep the whole process alike at any other number of steps. */
function linearBetas(steps: number): Float64Array {
  const scale = 1000 / steps;
  const first = scale * 0.0001;
  const last = scale * 0.02;
  const betas = new Float64Array(steps);
  const stride = (last - first) / (steps - 1);
  for (let i = 0; i < steps; i++) betas[i] = i * stride + first;
  betas[steps - 1] = steps > 1 ? last : first;
  return betas;
}

/** beta_t = 1 - alpha_bar(t) / alpha_bar(t - 1) with alpha_bar a squared cosine. */
function cosineBetas(steps: number): Float64Array {
  const betas = new Float64Array(steps);
  for (let i = 0; i < steps; i++) {
    const beta = 1 - cosineAlphaBar((i + 1) / steps) / cosineAlphaBar(i / steps);
    betas[i] = Math.min(beta, LARGEST_COSINE_BETA);
  }
  return betas;
}

/** f(t) of Nichol & Dhariwal 2021, eq. 17, for t in [0, 1]. */
function cosineAlphaBar(t: number): number {
  const c = cos((((t + 0.008) / 1.008) * Math.PI) / 2);
  return c * c;
}
