/** `GET /v1/samples`: filters, and a sample as a list shows it. */
import { z } from '@hono/zod-openapi';
import { priorityName } from './sample-request.ts';
import { sampleStatus } from './sample-response.ts';
import { givenTime, timestamp } from './time.ts';

const MAX_LIMIT = 100;
const DEFAULT_LIMIT = 20;

const statusNames = sampleStatus.options;

export const sampleListQuery = z.strictObject({
  limit: z.coerce
    .number({ error: 'expected a whole number' })
    .int()
    .min(1)
    .max(MAX_LIMIT)
    .default(DEFAULT_LIMIT),
  cursor: z
    .string()
    .max(200)
    .optional()
    .openapi({ description: 'next_cursor of the page before. Samples made since then do not move it.' }),
  status: z
    .string()
    .transform((text) => text.split(','))
    .pipe(
      z.array(z.enum(statusNames, { error: `expected ${statusNames.join(', ')}, or several with commas` })),
    )
    .optional()
    .openapi({
      type: 'string',
      description: 'One status, or several with commas.',
      example: 'queued,running',
    }),
  model: z.string().max(63).optional(),
  created_after: givenTime.optional(),
  created_before: givenTime.optional(),
});

export const sampleSummary = z
  .object({
    id: z.string(),
    status: sampleStatus.openapi({ description: 'A second old at most while it is not terminal.' }),
    kind: z.string(),
    model: z.string(),
    created_at: timestamp,
    finished_at: timestamp.nullable(),
    expires_at: timestamp.nullable(),
    count: z.int().openapi({ description: 'Images.' }),
    steps: z.int(),
    priority: priorityName,
    metadata: z.record(z.string(), z.string()),
    url: z.url().openapi({ description: 'The whole sample.' }),
  })
  .openapi('SampleSummary');

export const sampleList = z
  .object({
    data: z.array(sampleSummary),
    next_cursor: z.string().nullable().openapi({ description: 'null: this is the last page.' }),
  })
  .openapi('SampleList');

export type SampleListQuery = z.infer<typeof sampleListQuery>;
export type SampleSummary = z.infer<typeof sampleSummary>;
export type SampleListResponse = z.infer<typeof sampleList>;
