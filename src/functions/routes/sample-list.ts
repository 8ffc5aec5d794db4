/** `GET /v1/samples`: the account's samples, out of the index. */
import { createRoute, OpenAPIHono } from '@hono/zod-openapi';
import { type IndexedSample, listSamples } from '../../store/samples.ts';
import type { AppEnv } from '../app-env.ts';
import { accountOf, requireScope } from '../auth/authenticate.ts';
import { decodeCursor, encodeCursor } from '../cursor.ts';
import { validationHook } from '../openapi-hook.ts';
import {
  type SampleListQuery,
  type SampleSummary,
  sampleList as sampleListBody,
  sampleListQuery,
} from '../schemas/sample-list.ts';
import { problem } from './shared.ts';

const list = createRoute({
  method: 'get',
  path: '/v1/samples',
  summary: 'Samples of the account, newest first',
  middleware: requireScope('samples:read'),
  request: { query: sampleListQuery },
  responses: {
    200: { description: 'A page', content: { 'application/json': { schema: sampleListBody } } },
    422: problem('A filter or the cursor is not valid; errors names each'),
  },
});

export const sampleList = new OpenAPIHono<AppEnv>({ defaultHook: validationHook }).openapi(
  list,
  async (c) => {
    const query = c.req.valid('query');
    const after = query.cursor === undefined ? null : decodeCursor(query.cursor);
    // One more than asked for says whether there is another page.
    const found = await listSamples(c.env.DB, accountOf(c), filterOf(query), after, query.limit + 1);
    const page = found.slice(0, query.limit);
    const last = page.at(-1);
    const { origin } = new URL(c.req.url);
    return c.json(
      {
        data: page.map((sample) => render(sample, origin)),
        next_cursor: found.length > page.length && last !== undefined ? encodeCursor(last) : null,
      },
      200,
    );
  },
);

function filterOf({ status, model, created_after, created_before }: SampleListQuery) {
  return {
    statuses: status ?? null,
    model: model ?? null,
    createdAfter: created_after === undefined ? null : Date.parse(created_after),
    createdBefore: created_before === undefined ? null : Date.parse(created_before),
  };
}

function render(sample: IndexedSample, origin: string): SampleSummary {
  const { id, status, kind, model, count, steps, priority, metadata } = sample;
  return {
    id,
    status: status as SampleSummary['status'],
    kind,
    model,
    created_at: iso(sample.createdAt),
    finished_at: sample.finishedAt === null ? null : iso(sample.finishedAt),
    expires_at: sample.expiresAt === null ? null : iso(sample.expiresAt),
    count,
    steps,
    priority: priority as SampleSummary['priority'],
    metadata: { ...metadata },
    url: `${origin}/v1/samples/${id}`,
  };
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
