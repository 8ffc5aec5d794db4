import { z } from 'zod';
import {
  type Diffusion,
  type DiffusionSettings,
  diffusionFromBetas,
  type NoiseSchedule,
  namedBetas,
} from '../../core/index.ts';
import { type CheckKind, firstOf, hasKeys } from '../contract.ts';
import { Comparison } from '../result.ts';
import { TABLE_TOLERANCE, TABLES, tablesIn } from './tables.ts';

const index = z.looseObject({
  entries: z.array(
    z.looseObject({
      schedule_name: z.string(),
      num_diffusion_timesteps: z.int(),
      indices: z.array(z.int()),
      sum_betas: z.number().optional(),
      sum_alphas_cumprod: z.number().optional(),
    }),
  ),
  edge_cases: z
    .array(
      z.looseObject({
        schedule_name: z.string(),
        num_diffusion_timesteps: z.int(),
        ok: z.boolean(),
        last_beta: z.number().optional(),
      }),
    )
    .default([]),
});

/** Noise schedules and the tables derived from them. */
export const schedules: CheckKind = {
  name: 'noise schedules',
  recognises: (content) => hasKeys(firstOf(content, 'entries'), 'schedule_name', 'num_diffusion_timesteps'),
  async *run({ path, content }) {
    const { entries, edge_cases } = index.parse(content);
    const comparison = new Comparison();
    for (const entry of entries) {
      const name = `${entry.schedule_name} ${entry.num_diffusion_timesteps}`;
      const diffusion = wholeProcess(entry.schedule_name, entry.num_diffusion_timesteps);
      for (const [table, expected] of tablesIn(entry)) {
        const actual = entry.indices.map((i) => diffusion[TABLES[table]][i]!);
        comparison.closeRelatively(`${name} ${table}`, actual, expected, TABLE_TOLERANCE);
      }
      for (const [sum, table] of [
        [entry.sum_betas, diffusion.betas],
        [entry.sum_alphas_cumprod, diffusion.alphasCumprod],
      ] as const) {
        if (sum === undefined) continue;
        const actual = table.reduce((total, value) => total + value, 0);
        comparison.closeRelatively(`${name} sum`, [actual], [sum], TABLE_TOLERANCE);
      }
    }
    for (const { schedule_name, num_diffusion_timesteps, ok, last_beta } of edge_cases) {
      const name = `${schedule_name} ${num_diffusion_timesteps}`;
      const betas = betasOrNull(schedule_name, num_diffusion_timesteps);
      comparison.same(`${name} can be built`, betas !== null, ok);
      if (betas && last_beta !== undefined)
        comparison.close(`${name} last beta`, [betas.at(-1)!], [last_beta], 0);
    }
    yield comparison.result(path);
  },
};

/** Tables of a whole process; its mean and variance types do not enter them. */
function wholeProcess(schedule: string, steps: number): Diffusion {
  const settings: DiffusionSettings = {
    steps,
    noiseSchedule: schedule as NoiseSchedule,
    meanType: 'epsilon',
    varianceType: 'fixed_small',
    rescaleTimesteps: false,
  };
  return unspacedDiffusion(settings);
}

/** The diffusion over every timestep without the respaced betas' rounding, which the reference has too. */
export function unspacedDiffusion(settings: DiffusionSettings): Diffusion {
  const timesteps = Array.from({ length: settings.steps }, (_, t) => t);
  return diffusionFromBetas(settings, '', namedBetas(settings.noiseSchedule, settings.steps), timesteps);
}

function betasOrNull(schedule: string, steps: number): Float64Array | null {
  try {
    return namedBetas(schedule as NoiseSchedule, steps);
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}
