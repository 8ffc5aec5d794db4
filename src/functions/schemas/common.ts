import { z } from '@hono/zod-openapi';
import { timestamp } from './time.ts';

const quotaSchema = z
  .object({
    name: z.enum(['active_jobs', 'images_per_day', 'image_steps_per_day']),
    limit: z.int(),
    used: z.int(),
    requested: z.int(),
    resets_at: timestamp.nullable().openapi({ description: 'null: when a job ends.' }),
  })
  .openapi('ExceededQuota', { description: 'With quota-exceeded: which one, and how far it is used.' });

export const problemSchema = z
  .object({
    type: z.string().openapi({ example: '/problems/invalid-request' }),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    instance: z.string(),
    errors: z.array(z.object({ pointer: z.string(), detail: z.string() })).optional(),
    quota: quotaSchema.optional(),
  })
  .openapi('Problem');

export type ProblemBody = z.infer<typeof problemSchema>;

export const modelResponse = z
  .object({
    id: z.string(),
    name: z.string(),
    description: z.string().nullable(),
    image: z.object({ channels: z.int(), height: z.int(), width: z.int() }),
    classes: z.array(z.string()),
    class_conditional: z.boolean(),
    guided: z.boolean().openapi({ description: 'Whether a noisy classifier comes with it.' }),
    diffusion_steps: z.int(),
    defaults: z.object({
      sampler: z.string(),
      steps: z.string(),
      guidance_scale: z.number(),
      eta: z.number(),
      clip_denoised: z.boolean(),
    }),
    max_batch_size: z.int(),
    digest: z.string(),
    url: z.url(),
  })
  .openapi('Model');

export type ModelResponse = z.infer<typeof modelResponse>;

export const healthResponse = z
  .object({ status: z.literal('ok'), backend: z.string(), models: z.array(z.string()) })
  .openapi('Health');

export type HealthResponse = z.infer<typeof healthResponse>;
