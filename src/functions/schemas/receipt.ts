/** What a job says of its origin and of what it did. */
import { z } from '@hono/zod-openapi';
import { timestamp } from './time.ts';

export const jobKind = z.enum(['sample', 'inversion', 'interpolation']).openapi('JobKind', {
  description:
    'inversion: from an image to its latent. interpolation: from one piece of noise to another, image by image.',
});

export const forkedFrom = z
  .object({ id: z.string(), step: z.int() })
  .openapi('ForkedFrom', { description: 'The sample whose trajectory this one shares, up to which step.' });

export const replay = z
  .object({
    of: z.string(),
    equal: z.boolean().nullable().openapi({
      description: 'Whether every final tensor has the digest of the original; null until it is over.',
    }),
    images: z.int().openapi({ description: 'Images that were compared.' }),
    differing: z.array(z.int()).openapi({ description: 'Indices of the images that are not equal.' }),
    notes: z.array(z.string()).openapi({
      description: 'What was not as it had been: backends, or a promise that the original did not have.',
    }),
  })
  .openapi('Replay');

const digest = z.string();

export const receipt = z
  .object({
    model: z.object({ id: z.string(), digest }),
    request_digest: digest.nullable().openapi({
      description:
        'SHA-256 of the canonical JSON of all that decides the images: model, sampler, steps, guidance, classes, seed, numerics, start.',
    }),
    seed: z.int(),
    images: z
      .array(z.object({ index: z.int(), sha256: z.string() }))
      .nullable()
      .openapi({
        description:
          'SHA-256 of each final tensor, float32 little-endian [C, H, W]; null unless the sample succeeded with at most 256 images.',
      }),
    images_sha256: digest.nullable().openapi({
      description:
        'SHA-256 over the digests of all images, 32 bytes each, in order: in place of images if there are more than 256.',
    }),
    batches: z
      .int()
      .openapi({ description: 'Batches, which walk side by side; the counts below are their sums.' }),
    steps: z.object({
      run: z
        .int()
        .openapi({ description: 'Steps committed; one that was repeated after a crash counts once.' }),
      shared: z.int().openapi({ description: 'Steps taken over from the sample it was forked from.' }),
      unguided: z.int().openapi({
        description:
          'Of those run, the ones for which the classifier was skipped: its scale or its factor was 0.',
      }),
      not_run: z.int().openapi({ description: 'Steps that a failed or canceled sample did not come to.' }),
    }),
    backend: z.object({
      calls: z.int().openapi({ description: 'Calls that are known of: those answered, failed and lost.' }),
      failed: z.int().openapi({ description: 'Calls, or tries at one server of a fleet, that failed.' }),
      lost: z.int().openapi({
        description:
          'Calls whose answer nobody waited for: a crash, an eviction, a pause or a cancel came in between. At most one for each; some may have been answered.',
      }),
      retries: z
        .int()
        .openapi({ description: 'Times that a step was tried again after it had failed everywhere.' }),
      steps_by_backend: z.record(z.string(), z.int()),
      bytes_sent: z
        .int()
        .openapi({ description: 'Bodies of the calls whose steps were committed; 0 inside the process.' }),
      bytes_received: z.int(),
    }),
    step_ms: z
      .object({ p50: z.number(), p95: z.number() })
      .nullable()
      .openapi({ description: 'Time from commit to commit over all batches; null if no step was taken.' }),
    patches: z.array(z.object({ seq: z.int(), from_steps: z.array(z.int().nullable()) })),
    started_at: timestamp.nullable(),
    finished_at: timestamp.nullable(),
  })
  .openapi('Receipt');

export type Receipt = z.infer<typeof receipt>;
export type Replay = z.infer<typeof replay>;
