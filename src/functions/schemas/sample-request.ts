/** The body of `POST /v1/samples`: validation, types and OpenAPI in one place. */
import { z } from '@hono/zod-openapi';
import { samplerName } from '../../models/manifest.ts';
import {
  MAX_COUNT,
  MAX_DEADLINE_SECONDS,
  MAX_SEED,
  MAX_TIMESTEPS,
  MAX_URL_LENGTH,
  MIN_RETENTION_SECONDS,
} from '../limits.ts';
import { metadata } from './metadata.ts';
import { startFrom } from './start-from.ts';
import { classList, classTarget, guidance, labels } from './steering.ts';
import { keepTrajectory } from './trajectory.ts';
import { eventFilter } from './webhooks.ts';

function isWebhookSecret(secret: string): boolean {
  if (!secret.startsWith('whsec_')) return false;
  try {
    const { length } = atob(secret.slice('whsec_'.length));
    return length >= 24 && length <= 64;
  } catch {
    return false;
  }
}

export const webhookRequest = z
  .strictObject({
    url: z
      .url({ error: 'expected an absolute URL' })
      .max(MAX_URL_LENGTH)
      .openapi({ example: 'https://example.com/hooks/cairn' }),
    secret: z
      .string()
      .refine(isWebhookSecret, 'expected whsec_ and the base64 of 24 to 64 bytes')
      .optional()
      .openapi({
        description: "Signs this job's webhook (Standard Webhooks); without it the deployment's secret does.",
      }),
    events: eventFilter.optional(),
  })
  .openapi('WebhookRequest');

export const priorityName = z.enum(['high', 'normal', 'low']);

const retention = z.int().min(MIN_RETENTION_SECONDS);

export const sampleRequest = z
  .strictObject({
    model: z.string().min(1).max(63).openapi({ example: 'mnist-32' }),
    class: classTarget.optional().openapi({
      description: 'One class for every image: index, name, or weights over several.',
      example: 3,
    }),
    classes: classList
      .optional()
      .openapi({ description: 'Image n is of class classes[n mod length].', example: [0, 1, 2] }),
    labels: labels.optional(),
    count: z.int().min(1).max(MAX_COUNT).optional().openapi({
      description:
        'Images to draw; by default one for each entry of classes, or as many as labels names, else 1. Above 256 it is a large run: see docs/large-runs.md for what differs.',
    }),
    guidance_scale: guidance.optional(),
    sampler: samplerName
      .optional()
      .openapi({ description: 'ddpm: ancestral sampling. ddim: deterministic at eta 0.' }),
    steps: z
      .union([z.int().min(1), z.string().max(200)], {
        error: 'expected a number of steps or the respacing grammar: "50", "ddim25", "10,10,15,20,25" or ""',
      })
      .optional()
      .openapi({
        description:
          'A number of steps, spaced as suits the sampler; or, as a string, the respacing grammar of the reference: "50" (evenly, both ends included), "ddim50" (at a fixed stride), counts per section separated by commas, or "" for every step.',
        example: 50,
      }),
    eta: z
      .number()
      .min(0)
      .max(1)
      .optional()
      .openapi({ description: 'Noise of DDIM; 0 is deterministic. Only with ddim.' }),
    seed: z.int().min(0).max(MAX_SEED).optional().openapi({
      description: 'Image n is drawn from seed + n, whatever batch it shares; random if absent.',
    }),
    clip_denoised: z
      .boolean()
      .optional()
      .openapi({ description: 'Clamp the predicted x_0 to [-1, 1] at every step.' }),
    reproducibility: z.enum(['exact', 'fast']).optional().openapi({
      description:
        "exact: the bits of an image do not depend on what else the inference server computes. fast: its steps may share the server's batches with other jobs, and the last bits may differ from run to run. By default as the deployment says, exact unless it says otherwise.",
    }),
    start_from: startFrom.optional(),
    keep_trajectory: keepTrajectory.optional(),
    keep_state: z
      .boolean()
      .optional()
      .openapi({ description: 'Keep the final tensors; otherwise they go once the images are written.' }),
    preview_every: z.int().min(0).max(MAX_TIMESTEPS).optional().openapi({
      description:
        'Steps between previews, small pictures of the predicted x_0 among the events; 0 for none. By default a job has between 10 and 20 of them, or as many as it has steps.',
    }),
    deadline_seconds: z
      .int()
      .min(1)
      .max(MAX_DEADLINE_SECONDS)
      .optional()
      .openapi({ description: 'The job fails if it has not finished this long after it was accepted.' }),
    retention_seconds: retention.optional().openapi({
      description:
        'The sample is deleted this long after it ended; by default as the deployment says, 7 days unless it says otherwise.',
    }),
    priority: priorityName.optional().openapi({
      description: "Place in the account's queue, and share of the backend's turns; by default normal.",
    }),
    metadata: metadata.optional(),
    webhook: webhookRequest.optional(),
  })
  .openapi('SampleRequest');

/** With its defaults filled in. */
export type SampleRequest = z.output<typeof sampleRequest>;
/** As a client writes it. */
export type SampleRequestInput = z.input<typeof sampleRequest>;

/** The body of `POST /v1/samples/{id}/retention`. */
export const retentionRequest = z
  .strictObject({
    retention_seconds: retention.openapi({
      description: 'From now on, or from its end if it has not ended. What keeps it longer already stays.',
      example: 30 * 86_400,
    }),
  })
  .openapi('RetentionRequest');

/** The body of `PATCH /v1/samples/{id}`. */
export const samplePatch = z
  .strictObject({
    class: sampleRequest.shape.class,
    classes: sampleRequest.shape.classes,
    guidance_scale: sampleRequest.shape.guidance_scale,
  })
  .refine((body) => Object.values(body).some((value) => value !== undefined), {
    error: 'expected class, classes or guidance_scale',
  })
  .openapi('SamplePatch');

export type SamplePatch = z.output<typeof samplePatch>;
export type SamplePatchInput = z.input<typeof samplePatch>;
