/** The body of `POST /v1/interpolations`. */
import { z } from '@hono/zod-openapi';
import { LISTED_IMAGES } from '../../durable/spec.ts';
import { MAX_SEED } from '../limits.ts';
import { sampleRequest } from './sample-request.ts';
import { startFrom } from './start-from.ts';

const end = z
  .union([z.int().min(0).max(MAX_SEED), startFrom], {
    error: 'expected a seed, or {"sample": ..., "image": ...} of an inversion',
  })
  .openapi('InterpolationEnd', {
    description: 'A seed, or the latent of an inversion (or a kept x_T).',
    example: 7,
  });

export const interpolationRequest = sampleRequest
  .omit({ classes: true, sampler: true, eta: true, seed: true, start_from: true })
  .extend({
    from: end,
    to: end,
    count: z
      .int()
      .min(2)
      .max(LISTED_IMAGES)
      .openapi({ description: 'Images, both ends included.', example: 8 }),
  })
  .openapi('InterpolationRequest');

export type InterpolationRequest = z.output<typeof interpolationRequest>;
export type InterpolationRequestInput = z.input<typeof interpolationRequest>;
export type InterpolationEnd = z.infer<typeof end>;
