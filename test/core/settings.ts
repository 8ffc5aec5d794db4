import type { DiffusionSettings, MeanType, VarianceType } from '../../src/core/index.ts';

/** Settings of a test's diffusion; what does not matter to it has a default. */
export function settingsWith(settings: Partial<DiffusionSettings> = {}): DiffusionSettings {
  return {
    steps: 1000,
    noiseSchedule: 'linear',
    meanType: 'epsilon',
    varianceType: 'fixed_large',
    rescaleTimesteps: false,
    ...settings,
  };
}

export const MEAN_TYPES: readonly MeanType[] = ['epsilon', 'x_start', 'previous_x'];
export const VARIANCE_TYPES: readonly VarianceType[] = [
  'learned',
  'learned_range',
  'fixed_small',
  'fixed_large',
];
