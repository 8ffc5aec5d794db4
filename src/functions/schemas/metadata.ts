/** The caller's own notes on a sample. */
import { z } from '@hono/zod-openapi';
import { MAX_METADATA } from '../limits.ts';

const { entries, key, value } = MAX_METADATA;

/** A record's parser passes over it; here it is refused like every other name that can't be kept. */
const RESERVED = '__proto__';

export const metadata = z
  .custom<unknown>(
    (notes) => typeof notes !== 'object' || notes === null || !Object.hasOwn(notes, RESERVED),
    {
      error: `${RESERVED} can't be a key`,
      abort: true,
    },
  )
  .pipe(
    z
      .record(z.string().min(1).max(key), z.string().max(value))
      .refine((notes) => Object.keys(notes).length <= entries, {
        error: `expected at most ${entries} entries`,
      }),
  )
  .openapi('Metadata', {
    type: 'object',
    additionalProperties: { type: 'string', maxLength: value },
    maxProperties: entries,
    description: `Your own notes: up to ${entries} strings of at most ${value} characters under names of at most ${key}. Shown with the sample, in lists and in webhooks; Cairn does not read them.`,
    example: { order: 'A-1029' },
  });
