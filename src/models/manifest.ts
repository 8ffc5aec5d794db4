/**
 * `model.json`: what Cairn knows of a model folder. One schema for the converter that writes it, the inference
 * server and the Worker that read it.
 */
import { z } from 'zod';
import type { DiffusionSettings } from '../core/index.ts';

const sha256 = z
  .string()
  .regex(/^[0-9a-f]{64}$/, 'expected 64 hexadecimal digits')
  .describe('SHA-256 of the file, in lower-case hexadecimal digits.');

const fileSize = z.int().positive().describe('Size of the file.');

/** One ONNX file beside model.json. */
const graphFile = z.strictObject({
  file: z
    .string()
    .regex(/^[\w.-]+\.onnx$/, 'expected the name of an .onnx file in the same folder')
    .describe('Name of an .onnx file in the same folder.'),
  bytes: fileSize,
  sha256,
  data: z
    .strictObject({
      file: z
        .string()
        .regex(/^[\w.-]+\.onnx\.data$/, 'expected the name of an .onnx.data file in the same folder')
        .describe('Name of an .onnx.data file in the same folder.'),
      bytes: fileSize,
      sha256,
    })
    .optional()
    .describe("The graph's weights, if they are in a file of their own (ONNX external data)."),
});

export const diffusionSettings = z.strictObject({
  steps: z.int().min(2).describe('T of the trained process.'),
  noise_schedule: z.enum(['linear', 'cosine']).describe('Schedule of the betas.'),
  mean_type: z.enum(['epsilon', 'x_start', 'previous_x']).describe('What the diffusion model predicts.'),
  variance_type: z
    .enum(['learned', 'learned_range', 'fixed_small', 'fixed_large'])
    .describe(
      'Where the variance of a step comes from: a second half of the output channels, or the schedule.',
    ),
  rescale_timesteps: z.boolean().describe('The networks receive t * 1000 / steps instead of t.'),
});

export const samplerName = z.enum(['ddpm', 'ddim']);

export const executionProvider = z.enum(['cpu', 'cuda', 'tensorrt', 'webgpu']);

export const modelManifest = z.strictObject({
  manifest_version: z
    .literal(1, 'this version of Cairn reads manifest_version 1')
    .describe(
      'Version of this format. It is raised when a field appears, goes or changes its meaning; a reader refuses versions it does not know.',
    ),
  id: z
    .string()
    .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'expected lower-case letters, digits and hyphens')
    .describe("Name in requests, and the folder's name."),
  name: z.string().min(1).describe('Name for people.'),
  description: z.string().optional().describe('A sentence for people.'),
  image: z
    .strictObject({
      channels: z.int().positive().describe('Channels.'),
      height: z.int().positive().describe('Pixels.'),
      width: z.int().positive().describe('Pixels.'),
    })
    .describe('Shape of one sample.'),
  low_res: z
    .strictObject({
      height: z.int().positive().describe('Pixels.'),
      width: z.int().positive().describe('Pixels.'),
    })
    .optional()
    .describe('Size of the smaller image that an upsampling model enlarges; absent for any other model.'),
  classes: z
    .array(z.string().min(1))
    .min(1)
    .describe("Class names in the classifier's order; the index is the class."),
  class_conditional: z.boolean().describe('Whether the diffusion model takes a class label itself.'),
  diffusion: diffusionSettings.describe('The diffusion process the model was trained on.'),
  output_channels: z
    .int()
    .positive()
    .describe("Channels of the diffusion model's output: twice the image's if the variance is learned."),
  max_batch_size: z
    .int()
    .positive()
    .describe(
      'Largest batch a job is split into; fixed, because the batch is part of what makes bytes repeatable.',
    ),
  defaults: z
    .strictObject({
      sampler: samplerName.describe('Sampler.'),
      steps: z
        .string()
        .describe('Respacing: "50", "ddim25", sections as in "10,10,15,20,25", or "" for every step.'),
      guidance_scale: z.number().min(0).describe("Factor of the classifier's gradient; 0 for none."),
      eta: z.number().min(0).max(1).describe('Noise of DDIM: 0 for none, 1 for as much as DDPM.'),
      clip_denoised: z.boolean().describe('Whether the predicted x_0 is clamped to [-1, 1].'),
    })
    .describe('What a request that does not say otherwise gets.'),
  graphs: z
    .strictObject({
      diffusion: graphFile.describe(
        'x [N, C, H, W], timestep [N] (label [N] int32 if class-conditional, low_res [N, C, h, w] if upsampling) -> output [N, output_channels, H, W].',
      ),
      classifier: graphFile.optional().describe('x [N, C, H, W], timestep [N] -> logits [N, K].'),
      gradient: graphFile
        .optional()
        .describe(
          'x [N, C, H, W], timestep [N], target [N, K] -> gradient [N, C, H, W] = d/dx sum_k target_k log p(k | x, timestep), log_probs [N, K].',
        ),
    })
    .describe('ONNX files of the networks; N is the batch, K the number of classes.'),
  serving: z
    .strictObject({
      provider: executionProvider.optional().describe("onnxruntime's execution provider; cpu if absent."),
      device: z.int().min(0).optional().describe('Number of the GPU, for cuda and tensorrt; 0 if absent.'),
      threads: z.int().positive().optional().describe('Threads of one run; all cores if absent.'),
    })
    .optional()
    .describe("How an inference server runs the model; the server's own flags come first."),
});

export type ModelManifest = z.infer<typeof modelManifest>;
export type GraphFile = z.infer<typeof graphFile>;
export type SamplerName = z.infer<typeof samplerName>;
export type ExecutionProvider = z.infer<typeof executionProvider>;

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

/** Why the API can't sample from a model, or undefined if it can. Inference servers run such a model all the same. */
export function whyNotOffered({ id, low_res }: ModelManifest): string | undefined {
  if (low_res === undefined) return undefined;
  return `${id} enlarges images of ${low_res.height}x${low_res.width}, and the API has no field for them`;
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
  return `sha256:${graphDigest(diffusion)}+${gradient ? graphDigest(gradient) : 'none'}`;
}

/** Weights in a file of their own are not in the graph's digest. */
function graphDigest({ sha256, data }: GraphFile): string {
  return data ? `${sha256}/${data.sha256}` : sha256;
}
