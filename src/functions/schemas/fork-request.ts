/** The body of `POST /v1/samples/{id}/fork`: a step, and what is to be different from there on. */
import { z } from '@hono/zod-openapi';
import { MAX_TIMESTEPS } from '../limits.ts';
import { sampleRequest } from './sample-request.ts';

export const forkRequest = sampleRequest
  .omit({ model: true, count: true, start_from: true })
  .extend({
    step: z.int().min(0).max(MAX_TIMESTEPS).openapi({
      description: 'A kept step that every batch has reached; trajectory lists them. 0 is x_T.',
      example: 20,
    }),
    steps: z
      .union([z.int().min(1), z.string().max(200)], {
        error: 'expected a number of steps or the respacing grammar over the timesteps that are left',
      })
      .optional()
      .openapi({
        description:
          "Steps of the tail, spread over the timesteps from the one reached to 0, or the respacing grammar over them ('' visits every one); by default the timesteps that the source would have visited.",
        example: 10,
      }),
  })
  .openapi('ForkRequest');

export type ForkRequest = z.output<typeof forkRequest>;
export type ForkRequestInput = z.input<typeof forkRequest>;
