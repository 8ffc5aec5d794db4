/** Noise that another job left behind. */
import { z } from '@hono/zod-openapi';
import { MAX_COUNT } from '../limits.ts';

export const startFrom = z
  .strictObject({
    sample: z.string().max(64).openapi({
      description: 'An inversion that has succeeded, or a sample that keeps its x_T (keep_trajectory).',
    }),
    image: z
      .int()
      .min(0)
      .max(MAX_COUNT - 1)
      .default(0)
      .openapi({ description: 'Which of its images.' }),
  })
  .openapi('StartFrom', {
    description:
      'Every image begins with this latent instead of noise of its seed; seeds draw the noise of later steps alone. By default steps and clip_denoised are those of the inversion.',
  });

export type StartFrom = z.infer<typeof startFrom>;
