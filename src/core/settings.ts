/** What a diffusion model was trained with: everything the sampling mathematics has to know of it. */

/** Schedule of beta_1 ... beta_T: linear (Ho et al. 2020) or cosine (Nichol & Dhariwal 2021, eq. 17). */
export type NoiseSchedule = 'linear' | 'cosine';

/** What the network predicts: the noise, the clean image x_0, or x_{t-1}. */
export type MeanType = 'epsilon' | 'x_start' | 'previous_x';

/**
 * Variance of p(x_{t-1} | x_t). `learned`: the network gives its logarithm. `learned_range`: the network
 * interpolates between the two fixed choices in the log domain (Nichol & Dhariwal 2021, eq. 15). `fixed_small`: the
 * posterior variance. `fixed_large`: beta_t.
 */
export type VarianceType = 'learned' | 'learned_range' | 'fixed_small' | 'fixed_large';

export interface DiffusionSettings {
  /** T, the number of timesteps of the trained process. */
  steps: number;
  noiseSchedule: NoiseSchedule;
  meanType: MeanType;
  varianceType: VarianceType;
  /** The networks receive t * 1000 / T instead of t. */
  rescaleTimesteps: boolean;
}

/** Whether the network's output has a second half of channels that describes the variance. */
export function learnsVariance(settings: DiffusionSettings): boolean {
  return settings.varianceType === 'learned' || settings.varianceType === 'learned_range';
}
