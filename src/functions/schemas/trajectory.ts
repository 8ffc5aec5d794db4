/** Steps that a job keeps on the way, in requests and in answers. */
import { z } from '@hono/zod-openapi';
import { MAX_TIMESTEPS } from '../limits.ts';

export const keepTrajectory = z
  .strictObject({
    every: z.int().min(1).max(MAX_TIMESTEPS).openapi({
      description: 'Every k-th step is kept, and always the first state and the last.',
      example: 5,
    }),
    what: z.enum(['x_t', 'x_start', 'both']).default('x_t').openapi({
      description:
        "x_t: the sampler's whole state, from which a fork can go on. x_start: the x_0 that the step predicted. both.",
    }),
  })
  .openapi('KeepTrajectory', {
    description:
      'Keeps steps on the way, to look at and to fork from. They are written in the transaction that commits the step.',
  });

const urls = z.array(z.url().nullable());

export const trajectoryResponse = z
  .object({
    steps: z
      .array(
        z.object({
          step: z.int().openapi({ description: 'Steps taken when it was reached; 0 is x_T.' }),
          timestep: z.int().nullable().openapi({
            description:
              'Of the trained process, at which the networks are evaluated next; null at the end of the walk.',
          }),
          complete: z
            .boolean()
            .openapi({ description: 'Whether every batch has reached it: only then a fork can begin here.' }),
          x_t: urls.nullable().openapi({
            description:
              'Per image the PNG of x_t, null where its batch has not come so far; .npy in place of .png gives the tensor. Null if x_t is not kept here.',
          }),
          x_start: urls
            .nullable()
            .openapi({ description: 'The same of the predicted x_0 of the step that led here.' }),
        }),
      )
      .openapi({ description: 'In the order in which they are reached.' }),
  })
  .openapi('Trajectory');

export type KeepTrajectoryRequest = z.infer<typeof keepTrajectory>;
export type TrajectoryResponse = z.infer<typeof trajectoryResponse>;
