/**
 * `model.json`: what Cairn knows of a model folder. One schema for the converter that writes it, the inference
 * server and the Worker that read it.
 */
import { z } from 'zod';
import type { DiffusionSettings } from '../core/index.ts';

const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'expected 64 hexadecimal digits');

/** One ONNX file beside model.json. */
const graphFile = z.strictObject({
  file: z.string().regex(/^[\w.-]+\.onnx$/, 'expected the name of an .onnx file in the same folder'),
  bytes: z.int().positive(),
  sha256,
});

export const diffusionSettings = z.strictObject({
  /** T of the trained process. */
  steps: z.int().min(2),
  noise_schedule: z.enum(['linear', 'cosine']),
  mean_type: z.enum(['epsilon', 'x_start', 'previous_x']),
  variance_type: z.enum(['learned', 'learned_range', 'fixed_small', 'fixed_large']),
  /** The networks receive t * 1000 / steps instead of t. */
  rescale_timesteps: z.boolean(),
});

export const samplerName = z.enum(['ddpm', 'ddim']);

export const modelManifest = z.strictObject({
  manifest_version: z.literal(1),
  id: z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'expected lower-case letters, digits and hyphens'),
  name: z.string().min(1),
  description: z.string().optional(),
  image: z.strictObject({
    channels: z.int().positive(),
    height: z.int().positive(),
    width: z.int().positive(),
  }),
  /** Class names in the classifier's order; the index is the class. */
  classes: z.array(z.string().min(1)).min(1),
  /** Whether the diffusion model takes a class label itself. */
  class_conditional: z.boolean(),
  diffusion: diffusionSettings,
  /** Channels of the diffusion model's output: twice the image's if the variance is learned. */
  output_channels: z.int().positive(),
  /** Largest batch a job is split into; fixed, because the batch is part of what makes bytes repeatable. */
  max_batch_size: z.int().positive(),
  defaults: z.strictObject({
    sampler: samplerName,
    /** Respacing grammar: "50", "ddim25", "10,10,15,20,25" or "" for every step. */
    steps: z.string(),
    guidance_scale: z.number().min(0),
    eta: z.number().min(0).max(1),
    clip_denoised: z.boolean(),
  }),
  graphs: z.strictObject({
    /** x [N,C,H,W], timestep [N] (and label [N] int32 if class-conditional) -> output [N,outputChannels,H,W]. */
    diffusion: graphFile,
    /** x [N,C,H,W], timestep [N] -> logits [N,K]. */
    classifier: graphFile.optional(),
    /** x [N,C,H,W], timestep [N], target [N,K] -> gradient [N,C,H,W], log_probs [N,K]. */
    gradient: graphFile.optional(),
  }),
});

export type ModelManifest = z.infer<typeof modelManifest>;
export type GraphFile = z.infer<typeof graphFile>;
export type SamplerName = z.infer<typeof samplerName>;

/**
 * Validates the content of a model.json.
 *
 * @param source where it came from, for the message
 * @throws {Error} one line that names every bad field
 */
export function parseManifest(json: unknown, source: string): ModelManifest {
  const result = modelManifest.safeParse(json);
  if (result.success) return result.data;
  const problems = result.error.issues.map(
    (issue) => `${issue.path.join('.') || '(top level)'}: ${issue.message}`,
  );
  throw new Error(`${source} is not a valid model.json: ${problems.join('; ')}`);
}

/** The diffusion process of a model in core's terms. */
export function diffusionSettingsOf(manifest: ModelManifest): DiffusionSettings {
  const { steps, noise_schedule, mean_type, variance_type, rescale_timesteps } = manifest.diffusion;
  return {
    steps,
    noiseSchedule: noise_schedule,
    meanType: mean_type,
    varianceType: variance_type,
    rescaleTimesteps: rescale_timesteps,
  };
}

/** One digest for all that decides the pixels: the graphs and the process. Graphs are digested when converted. */
export function modelDigest(manifest: ModelManifest): string {
  const { diffusion, gradient } = manifest.graphs;
  return `sha256:${diffusion.sha256}+${gradient?.sha256 ?? 'none'}`;
}
