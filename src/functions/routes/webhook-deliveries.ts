/** `/v1/webhook-deliveries`: the log of an account's webhooks, and sending them again. */
import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import type { Attempt } from '../../store/webhooks/deliveries.ts';
import {
  type DeliveryFilter,
  findDelivery,
  type LoggedDelivery,
  listDeliveries,
  readDelivery,
  restartDeliveries,
  restartDelivery,
} from '../../store/webhooks/log.ts';
import type { AppEnv } from '../app-env.ts';
import { accountOf, requireScope } from '../auth/authenticate.ts';
import { decodeCursor, encodeCursor } from '../cursor.ts';
import { validationHook } from '../openapi-hook.ts';
import { fieldProblem, Problem } from '../problem.ts';
import {
  type RedeliverRequest,
  redeliverRequest,
  redeliverResponse,
  type WebhookDeliveryQuery,
  type WebhookDeliveryResponse,
  webhookDelivery,
  webhookDeliveryDetail,
  webhookDeliveryList,
  webhookDeliveryQuery,
} from '../schemas/webhooks.ts';
import { enqueueDeliveries } from '../webhooks/enqueue.ts';
import { problem, requireJson } from './shared.ts';

const BASE = '/v1/webhook-deliveries';
/** Attempts that one delivery's log shows. */
const SHOWN_ATTEMPTS = 100;
/** Deliveries that one request starts again. */
const MAX_REDELIVERIES = 1_000;

const idParam = z.object({ id: z.string().openapi({ param: { name: 'id', in: 'path' } }) });
const unknown = problem('No such delivery');
const invalid = problem('A filter or the cursor is not valid; errors names each');

const list = createRoute({
  method: 'get',
  path: BASE,
  summary: 'Deliveries of the account, newest first; kept for 30 days',
  middleware: requireScope('webhooks:read'),
  request: { query: webhookDeliveryQuery },
  responses: {
    200: { description: 'A page', content: { 'application/json': { schema: webhookDeliveryList } } },
    422: invalid,
  },
});

const read = createRoute({
  method: 'get',
  path: `${BASE}/{id}`,
  summary: 'One delivery with every attempt, and what is sent',
  middleware: requireScope('webhooks:read'),
  request: { params: idParam },
  responses: {
    200: { description: 'The delivery', content: { 'application/json': { schema: webhookDeliveryDetail } } },
    404: unknown,
  },
});

const redeliverOne = createRoute({
  method: 'post',
  path: `${BASE}/{id}/redeliver`,
  summary: 'Start one delivery again, with the same webhook-id',
  middleware: requireScope('webhooks:write'),
  request: { params: idParam },
  responses: {
    202: {
      description: 'The delivery, pending',
      content: { 'application/json': { schema: webhookDelivery } },
    },
    404: unknown,
    409: problem('Its endpoint is disabled or deleted'),
  },
});

const redeliverMany = createRoute({
  method: 'post',
  path: `${BASE}/redeliver`,
  summary: 'Start every dead delivery of a time range again',
  description: `The oldest first, at most ${MAX_REDELIVERIES} at once; those of disabled endpoints stay dead.`,
  middleware: [requireScope('webhooks:write'), requireJson] as const,
  request: { body: { content: { 'application/json': { schema: redeliverRequest } }, required: true } },
  responses: {
    202: { description: 'How many', content: { 'application/json': { schema: redeliverResponse } } },
    422: problem('Fields are missing, unknown, or out of range; errors names each'),
  },
});

export const webhookDeliveries = new OpenAPIHono<AppEnv>({ defaultHook: validationHook })
  .openapi(list, async (c) => {
    const query = c.req.valid('query');
    const after = query.cursor === undefined ? null : decodeCursor(query.cursor, 'whd');
    // One more than asked for says whether there is another page.
    const found = await listDeliveries(c.env.DB, accountOf(c), filterOf(query), after, query.limit + 1);
    const page = found.slice(0, query.limit);
    const last = page.at(-1);
    const next = found.length > page.length && last !== undefined ? encodeCursor(last) : null;
    return c.json({ data: page.map(render), next_cursor: next }, 200);
  })
  .openapi(read, async (c) => {
    const delivery = await owned(c, c.req.valid('param').id);
    const { attempts, body } = await readDelivery(c.env.DB, delivery, SHOWN_ATTEMPTS);
    return c.json({ ...render(delivery), log: attempts.map(renderAttempt), body }, 200);
  })
  .openapi(redeliverOne, async (c) => {
    const { id } = await owned(c, c.req.valid('param').id);
    if (!(await restartDelivery(c.env.DB, id, Date.now()))) {
      throw new Problem('endpoint-disabled', `the endpoint of delivery ${id} is disabled or deleted`);
    }
    await enqueueDeliveries(c.env, [id]);
    return c.json(render(await owned(c, id)), 202);
  })
  .openapi(redeliverMany, async (c) => {
    const request = c.req.valid('json');
    const filter = filterOf(request);
    if (filter.until !== null && filter.until <= (filter.since ?? 0)) {
      throw fieldProblem('invalid-request', '/until', 'expected a time after since');
    }
    const ids = await restartDeliveries(c.env.DB, accountOf(c), filter, Date.now(), MAX_REDELIVERIES);
    await enqueueDeliveries(c.env, ids);
    return c.json({ redelivered: ids.length, more: ids.length === MAX_REDELIVERIES }, 202);
  });

/** @throws {Problem} unknown-webhook-delivery unless the caller's account owns it */
async function owned(c: Context<AppEnv>, id: string): Promise<LoggedDelivery> {
  const delivery = await findDelivery(c.env.DB, accountOf(c), id);
  if (delivery === null)
    throw new Problem('unknown-webhook-delivery', `no webhook delivery ${JSON.stringify(id)}`);
  return delivery;
}

function filterOf(query: WebhookDeliveryQuery | RedeliverRequest): DeliveryFilter {
  const { endpoint = null, sample = null, status = null, event = null, since, until } = query;
  return {
    endpoint,
    sample,
    status,
    event,
    since: since === undefined ? null : Date.parse(since),
    until: until === undefined ? null : Date.parse(until),
  };
}

function render(delivery: LoggedDelivery): WebhookDeliveryResponse {
  const { id, event, sample, endpoint, url, status, attempts, nextAttemptAt, lastAttempt } = delivery;
  return {
    id,
    message_id: delivery.message,
    event,
    sample,
    endpoint,
    url,
    status,
    created_at: iso(delivery.createdAt),
    attempts,
    next_attempt_at: nextAttemptAt === null ? null : iso(nextAttemptAt),
    last_result: delivery.lastResult,
    last_attempt: lastAttempt === null ? null : renderAttempt(lastAttempt),
  };
}

function renderAttempt({
  at,
  durationMs,
  statusCode,
  result,
}: Attempt): WebhookDeliveryResponse['last_attempt'] & {} {
  return { at: iso(at), duration_ms: durationMs, status_code: statusCode, result };
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
