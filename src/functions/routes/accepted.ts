/** What every route that makes a job has in common: the headers it reads, and how it answers. */
import { z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import type { Accepted } from '../accept.ts';
import type { AppEnv } from '../app-env.ts';
import { awaitPreferred } from '../prefer.ts';
import { type SampleResponse, sampleResponse } from '../schemas/sample-response.ts';
import { shown } from './owned-job.ts';
import { problem } from './shared.ts';

const body = { 'application/json': { schema: sampleResponse } };

const prefer = z.string().optional().openapi({
  description:
    'wait=N: the answer comes when the sample is over, or after N seconds (60 at most), whichever is first.',
  example: 'wait=30',
});

/** Read by what makes a sample. */
export const createHeaders = z.object({
  'idempotency-key': z.string().optional().openapi({
    description:
      'Names this request for a day: when it comes again with the same body, it is answered with the sample that the first one made (Idempotent-Replayed: true). Another body is refused.',
    example: '2f4a9c1e-8d0b-4f7e-9c1e-3f5d1c3b7a11',
  }),
  prefer,
});

/** Read by what shows a sample. */
export const waitHeaders = z.object({ prefer });

export const acceptedResponses = {
  200: {
    description: 'An earlier request with this Idempotency-Key made it, and it is over (with Prefer: wait)',
    content: body,
  },
  201: { description: 'Made, and over already (with Prefer: wait)', content: body },
  202: { description: 'Accepted; follow urls.self', content: body },
  429: problem('A quota of the account is used up; quota says which, how far, and when it begins anew'),
  503: problem('Not possible right now; send the same request again'),
};

/** The sample, after the wait that the request prefers. */
export async function answerOf(
  c: Context<AppEnv>,
  { record, replayed }: Accepted,
): Promise<[SampleResponse, 200 | 201 | 202]> {
  const latest = await awaitPreferred(c, record);
  const status = latest.status === 'active' ? 202 : replayed ? 200 : 201;
  return [await shown(c, latest), status];
}
