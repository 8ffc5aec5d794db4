import { z } from 'zod';
import type { DiffusionSettings } from '../../core/index.ts';

/** The reference's names of a diffusion's settings, as the indexes have them. */
export const scheduleFields = {
  noise_schedule: z.enum(['linear', 'cosine']),
  diffusion_steps: z.int(),
  rescale_timesteps: z.boolean(),
};

export const typeFields = {
  model_mean_type: z.enum(['EPSILON', 'START_X', 'PREVIOUS_X']),
  model_var_type: z.enum(['LEARNED', 'LEARNED_RANGE', 'FIXED_SMALL', 'FIXED_LARGE']),
};

const MEAN_TYPES = { EPSILON: 'epsilon', START_X: 'x_start', PREVIOUS_X: 'previous_x' } as const;
const VARIANCE_TYPES = {
  LEARNED: 'learned',
  LEARNED_RANGE: 'learned_range',
  FIXED_SMALL: 'fixed_small',
  FIXED_LARGE: 'fixed_large',
} as const;

export function settingsFrom(
  schedule: { noise_schedule: 'linear' | 'cosine'; diffusion_steps: number; rescale_timesteps: boolean },
  types: { model_mean_type: keyof typeof MEAN_TYPES; model_var_type: keyof typeof VARIANCE_TYPES },
): DiffusionSettings {
  return {
    steps: schedule.diffusion_steps,
    noiseSchedule: schedule.noise_schedule,
    meanType: MEAN_TYPES[types.model_mean_type],
    varianceType: VARIANCE_TYPES[types.model_var_type],
    rescaleTimesteps: schedule.rescale_timesteps,
  };
}
