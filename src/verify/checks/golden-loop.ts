import { z } from 'zod';
import {
  createDiffusion,
  type Diffusion,
  initSampler,
  type SamplerConfig,
  type SamplerState,
} from '../../core/index.ts';
import type { Npz } from '../npz.ts';
import { scheduleFields, settingsFrom, typeFields } from './reference-settings.ts';

/** One entry of a loops index. */
export const loopSchema = z.looseObject({
  file: z.string(),
  sampler: z.enum(['p_sample_loop', 'ddim_sample_loop']),
  eta: z.number().default(0),
  ...scheduleFields,
  ...typeFields,
  timestep_respacing: z.string(),
  clip_denoised: z.boolean(),
  classifier_scale: z.number(),
  model_checkpoint: z.string(),
  classifier_checkpoint: z.string().nullable(),
  timestep_map: z.array(z.int()),
  mid_index: z.int(),
  max_abs_change_per_step_from_1e6_perturbation_of_x_T: z.array(z.number()).optional(),
});
/** One golden loop: its arrays, and the sampler that has to reproduce them. */
export class GoldenLoop {
  readonly entry: z.infer<typeof loopSchema>;
  readonly npz: Npz;
  readonly diffusion: Diffusion;
  readonly shape: readonly [number, number, number, number];
  readonly steps: number;

  constructor(entry: z.infer<typeof loopSchema>, npz: Npz) {
    this.entry = entry;
    this.npz = npz;
    this.diffusion = createDiffusion(settingsFrom(entry, entry), entry.timestep_respacing);
    const [batch = 0, channels = 0, height = 0, width = 0] = npz.array('x_T').shape;
    this.shape = [batch, channels, height, width];
    this.steps = this.diffusion.numTimesteps;
  }

  /** @param gradientScale what the sampler multiplies the gradient by; 1 for golden gradients, which are scaled */
  config(gradientScale: number): SamplerConfig {
    return {
      sampler: this.entry.sampler === 'ddim_sample_loop' ? 'ddim' : 'ddpm',
      eta: this.entry.eta,
      clipDenoised: this.entry.clip_denoised,
      guidanceScale: gradientScale,
      channels: this.shape[1],
      batch: this.shape[0],
    };
  }

  get guided(): boolean {
    return this.entry.classifier_checkpoint !== null && this.npz.has('grad');
  }

  /** The steps whose model output the file has. */
  get storedOutputs(): readonly { name: string; k: number }[] {
    return [
      { name: 'model_output_first', k: 0 },
      { name: 'model_output_mid', k: this.entry.mid_index },
      { name: 'model_output_last', k: this.steps - 1 },
    ];
  }

  /** The k-th tensor of an array of one per step. */
  at(name: string, k: number): Float32Array {
    const data = this.npz.float32(name);
    const count = this.npz.array(name).shape[0]!;
    const size = data.length / count;
    return data.subarray(k * size, (k + 1) * size);
  }

  /** The state before step k, with the golden x. */
  stateBefore(k: number, config: SamplerConfig): SamplerState {
    const start = initSampler(this.diffusion, config, this.at('x_seq', k));
    return { ...start, t: this.steps - 1 - k, step: k };
  }
}
