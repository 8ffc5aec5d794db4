/** `/v1/webhook-endpoints`: where an account's webhooks go. */
import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { DEFAULT_EVENTS } from '../../durable/job/event-names.ts';
import {
  createEndpoint,
  deleteEndpoint,
  findEndpoint,
  listEndpoints,
  rotateSecret,
  updateEndpoint,
  type WebhookEndpoint,
} from '../../store/webhooks/endpoints.ts';
import type { AppEnv } from '../app-env.ts';
import { accountOf, requireScope } from '../auth/authenticate.ts';
import { MAX_WEBHOOK_ENDPOINTS } from '../limits.ts';
import { validationHook } from '../openapi-hook.ts';
import { fieldProblem, Problem } from '../problem.ts';
import {
  newWebhookEndpoint,
  rotateSecretRequest,
  sampleWebhookEvent,
  type WebhookEndpointResponse,
  webhookEndpoint,
  webhookEndpointList,
  webhookEndpointPatch,
  webhookEndpointRequest,
  webhookTestResponse,
} from '../schemas/webhooks.ts';
import { testEndpoint } from '../webhooks/test-event.ts';
import { webhookUrlProblem } from '../webhooks/url-policy.ts';
import { problem, requireJson } from './shared.ts';

const BASE = '/v1/webhook-endpoints';
const idParam = z.object({ id: z.string().openapi({ param: { name: 'id', in: 'path' } }) });
const endpointBody = { 'application/json': { schema: webhookEndpoint } };
const newEndpointBody = { 'application/json': { schema: newWebhookEndpoint } };
const unknown = problem('No such endpoint');
const invalid = problem('Fields are missing, unknown, or out of range; errors names each');

const create = createRoute({
  method: 'post',
  path: BASE,
  summary: 'Make an endpoint; its secret is shown this once',
  middleware: [requireScope('webhooks:write'), requireJson] as const,
  request: { body: { content: { 'application/json': { schema: webhookEndpointRequest } }, required: true } },
  responses: { 201: { description: 'The endpoint', content: newEndpointBody }, 422: invalid },
});

const list = createRoute({
  method: 'get',
  path: BASE,
  summary: 'Every endpoint of the account',
  middleware: requireScope('webhooks:read'),
  responses: {
    200: { description: 'Oldest first', content: { 'application/json': { schema: webhookEndpointList } } },
  },
});

const read = createRoute({
  method: 'get',
  path: `${BASE}/{id}`,
  summary: 'One endpoint',
  middleware: requireScope('webhooks:read'),
  request: { params: idParam },
  responses: { 200: { description: 'The endpoint', content: endpointBody }, 404: unknown },
});

const patch = createRoute({
  method: 'patch',
  path: `${BASE}/{id}`,
  summary: 'Change, disable or enable an endpoint',
  middleware: [requireScope('webhooks:write'), requireJson] as const,
  request: {
    params: idParam,
    body: { content: { 'application/json': { schema: webhookEndpointPatch } }, required: true },
  },
  responses: { 200: { description: 'As it is now', content: endpointBody }, 404: unknown, 422: invalid },
});

const remove = createRoute({
  method: 'delete',
  path: `${BASE}/{id}`,
  summary: 'Delete an endpoint; the log of its deliveries stays',
  middleware: requireScope('webhooks:write'),
  request: { params: idParam },
  responses: { 204: { description: 'Deleted' }, 404: unknown },
});

const rotate = createRoute({
  method: 'post',
  path: `${BASE}/{id}/rotate-secret`,
  summary: 'Replace the secret; for a while both sign',
  middleware: [requireScope('webhooks:write'), requireJson] as const,
  request: {
    params: idParam,
    body: { content: { 'application/json': { schema: rotateSecretRequest } }, required: true },
  },
  responses: {
    200: { description: 'The endpoint with its new secret', content: newEndpointBody },
    404: unknown,
    422: invalid,
  },
});

const test = createRoute({
  method: 'post',
  path: `${BASE}/{id}/test`,
  summary: 'Send a test event now, whatever the filter',
  description:
    'One attempt, which is neither repeated nor logged. Tells the class of the answer and no more.',
  middleware: requireScope('webhooks:write'),
  request: { params: idParam },
  responses: {
    200: { description: 'What came of it', content: { 'application/json': { schema: webhookTestResponse } } },
    404: unknown,
  },
});

export const webhookEndpoints = new OpenAPIHono<AppEnv>({ defaultHook: validationHook })
  .openapi(create, async (c) => {
    const { url, events = DEFAULT_EVENTS, description = '' } = c.req.valid('json');
    checkUrl(c, url);
    const settings = { url, events, description };
    const made = await createEndpoint(c.env.DB, accountOf(c), settings, MAX_WEBHOOK_ENDPOINTS, Date.now());
    if (made === null) {
      throw new Problem(
        'limit-exceeded',
        `an account has at most ${MAX_WEBHOOK_ENDPOINTS} webhook endpoints`,
      );
    }
    c.header('Location', `${BASE}/${made.id}`);
    return c.json({ ...render(made), secret: made.secret }, 201);
  })
  .openapi(list, async (c) => {
    return c.json({ data: (await listEndpoints(c.env.DB, accountOf(c))).map(render) }, 200);
  })
  .openapi(read, async (c) => c.json(render(await owned(c, c.req.valid('param').id)), 200))
  .openapi(patch, async (c) => {
    const { id } = await owned(c, c.req.valid('param').id);
    const change = c.req.valid('json');
    if (change.url !== undefined) checkUrl(c, change.url);
    await updateEndpoint(c.env.DB, id, change, Date.now());
    return c.json(render(await owned(c, id)), 200);
  })
  .openapi(remove, async (c) => {
    const { id } = await owned(c, c.req.valid('param').id);
    await deleteEndpoint(c.env.DB, id);
    return c.body(null, 204);
  })
  .openapi(rotate, async (c) => {
    const { id } = await owned(c, c.req.valid('param').id);
    const { grace_seconds: grace } = c.req.valid('json');
    const rotated = await rotateSecret(c.env.DB, id, Date.now() + grace * 1000);
    if (rotated === null) throw unknownEndpoint(id);
    return c.json({ ...render(rotated), secret: rotated.secret }, 200);
  })
  .openapi(test, async (c) => {
    return c.json(await testEndpoint(await owned(c, c.req.valid('param').id), c.env, Date.now()), 200);
  });

webhookEndpoints.openAPIRegistry.registerWebhook({
  method: 'post',
  path: 'sample',
  summary: 'What an endpoint, or the URL of a sample, receives',
  description: 'Signed as Standard Webhooks says: headers webhook-id, webhook-timestamp, webhook-signature.',
  request: { body: { content: { 'application/json': { schema: sampleWebhookEvent } } } },
  responses: { 200: { description: 'Any 2xx: received. 410: the endpoint is disabled.' } },
});

/** @throws {Problem} unknown-webhook-endpoint unless the caller's account owns it */
async function owned(c: Context<AppEnv>, id: string): Promise<WebhookEndpoint> {
  const endpoint = await findEndpoint(c.env.DB, accountOf(c), id);
  if (endpoint === null) throw unknownEndpoint(id);
  return endpoint;
}

function unknownEndpoint(id: string): Problem {
  return new Problem('unknown-webhook-endpoint', `no webhook endpoint ${JSON.stringify(id)}`);
}

/** @throws {Problem} for a URL that nothing is ever sent to */
function checkUrl(c: Context<AppEnv>, url: string): void {
  const wrong = webhookUrlProblem(url, c.env.ALLOW_PRIVATE_WEBHOOKS === 'true');
  if (wrong !== null) throw fieldProblem('invalid-request', '/url', wrong);
}

const WHY_DISABLED = {
  by_user: 'disabled by PATCH',
  gone: 'it answered 410 Gone: it wants no more webhooks',
  failing: 'nothing arrived for five days, and a delivery used up its schedule',
} as const;

function render(endpoint: WebhookEndpoint): WebhookEndpointResponse {
  const { id, url, events, description, disabledAt, disabledReason: reason } = endpoint;
  return {
    id,
    url,
    events: [...events],
    description,
    created_at: new Date(endpoint.createdAt).toISOString(),
    disabled:
      disabledAt === null || reason === null
        ? null
        : { at: new Date(disabledAt).toISOString(), reason, detail: WHY_DISABLED[reason] },
    failing_since: iso(endpoint.failingSince),
    previous_secret_until: iso(endpoint.previousUntil),
  };
}

function iso(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}
