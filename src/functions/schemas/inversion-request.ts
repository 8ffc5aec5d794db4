/** The body of `POST /v1/inversions`. */
import { z } from '@hono/zod-openapi';
import { MAX_IMAGE_BODY_BYTES } from '../limits.ts';
import { sampleRequest } from './sample-request.ts';

export const inversionRequest = sampleRequest
  .omit({
    classes: true,
    count: true,
    guidance_scale: true,
    sampler: true,
    eta: true,
    seed: true,
    start_from: true,
    keep_state: true,
  })
  .extend({
    image: z.string().min(1).max(MAX_IMAGE_BODY_BYTES).openapi({
      description:
        "A PNG in base64, or as a data URL, of the model's width and height, opaque. Where the colours differ from the model's, RGB becomes grey by its luma (ITU-R BT.601) and grey becomes RGB by repetition; colour profiles are not applied.",
      format: 'byte',
    }),
    clip_denoised: sampleRequest.shape.clip_denoised.openapi({
      description: 'By default false: a clamp on the way to the noise is not undone on the way back.',
    }),
    class: sampleRequest.shape.class.openapi({
      description: 'Only for a model that takes a class itself; an inversion is not guided.',
    }),
  })
  .openapi('InversionRequest');

export type InversionRequest = z.output<typeof inversionRequest>;
export type InversionRequestInput = z.input<typeof inversionRequest>;
