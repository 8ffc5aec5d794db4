import { z } from 'zod';
import {
  createDiffusion,
  type DiffusionSettings,
  type NoiseSchedule,
  RespacingError,
  spaceTimesteps,
} from '../../core/index.ts';
import { type CheckKind, hasKeys } from '../contract.ts';
import { Comparison } from '../result.ts';
import { TABLE_TOLERANCE, TABLES, tablesIn } from './tables.ts';

const argument = z.looseObject({
  num_timesteps: z.int(),
  section_counts: z.union([z.string(), z.array(z.number())]),
});
const spaced = z.looseObject({
  noise_schedule: z.string().default('linear'),
  diffusion_steps: z.int(),
  timestep_respacing: z.string(),
  num_timesteps: z.int().optional(),
});

const index = z.looseObject({
  space_timesteps: z.array(argument.extend({ timesteps: z.array(z.int()) })),
  space_timesteps_errors: z.array(argument).default([]),
  spaced_diffusion: z.array(spaced.extend({ timestep_map: z.array(z.int()) })).default([]),
  spaced_diffusion_construction: z.array(spaced.extend({ ok: z.boolean() })).default([]),
  create_gaussian_diffusion_empty_respacing: z
    .looseObject({ steps: z.int(), timestep_respacing: z.string(), num_timesteps: z.int() })
    .optional(),
});

/** The respacing grammar, its errors, and the diffusions it gives. */
export const respacing: CheckKind = {
  name: 'respacing',
  recognises: (content) => hasKeys(content, 'space_timesteps'),
  async *run({ path, content }) {
    const golden = index.parse(content);
    const comparison = new Comparison();
    for (const { num_timesteps, section_counts, timesteps } of golden.space_timesteps) {
      const name = `${num_timesteps} timesteps spaced by ${JSON.stringify(section_counts)}`;
      comparison.same(name, spaceTimesteps(num_timesteps, section_counts), timesteps);
    }
    for (const { num_timesteps, section_counts } of golden.space_timesteps_errors) {
      const name = `${num_timesteps} timesteps spaced by ${JSON.stringify(section_counts)} is an error`;
      comparison.same(
        name,
        throwsRespacingError(() => spaceTimesteps(num_timesteps, section_counts)),
        true,
      );
    }
    for (const entry of golden.spaced_diffusion) {
      const name = `${entry.noise_schedule} ${entry.diffusion_steps} "${entry.timestep_respacing}"`;
      const diffusion = createDiffusion(settingsOf(entry), entry.timestep_respacing);
      comparison.same(`${name} timestep map`, diffusion.timestepMap, entry.timestep_map);
      for (const [table, expected] of tablesIn(entry)) {
        comparison.closeRelatively(`${name} ${table}`, diffusion[TABLES[table]], expected, TABLE_TOLERANCE);
      }
    }
    for (const entry of golden.spaced_diffusion_construction) {
      const name = `${entry.diffusion_steps} "${entry.timestep_respacing}" can be built`;
      const fails = throwsRespacingError(() => createDiffusion(settingsOf(entry), entry.timestep_respacing));
      comparison.same(name, !fails, entry.ok);
    }
    const empty = golden.create_gaussian_diffusion_empty_respacing;
    if (empty) {
      const settings = settingsOf({ noise_schedule: 'linear', diffusion_steps: empty.steps });
      const { numTimesteps } = createDiffusion(settings, empty.timestep_respacing);
      comparison.same('the empty respacing keeps every timestep', numTimesteps, empty.num_timesteps);
    }
    yield comparison.result(path);
  },
};

function settingsOf(entry: { noise_schedule: string; diffusion_steps: number }): DiffusionSettings {
  return {
    steps: entry.diffusion_steps,
    noiseSchedule: entry.noise_schedule as NoiseSchedule,
    meanType: 'epsilon',
    varianceType: 'fixed_small',
    rescaleTimesteps: false,
  };
}

function throwsRespacingError(build: () => unknown): boolean {
  try {
    build();
    return false;
  } catch (error) {
    if (error instanceof RespacingError) return true;
    throw error;
  }
}
