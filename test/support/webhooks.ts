/** Webhooks as their owner and their receivers see them, and a queue whose time the test decides. */
import { createExecutionContext, createMessageBatch, getQueueResult } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { Webhook } from 'standardwebhooks';
import { expect } from 'vitest';
import type { WebhookMessage } from '../../src/env.ts';
import type {
  NewWebhookEndpointResponse,
  SampleWebhookEvent,
  WebhookDeliveryListResponse,
  WebhookDeliveryResponse,
} from '../../src/functions/schemas/webhooks.ts';
import { consumeWebhooks } from '../../src/functions/webhooks/consumer.ts';
import type { TestAccount } from './accounts.ts';
import { hookUrl, received } from './api.ts';
import type { Received } from './shared.ts';

export async function newEndpoint(
  account: TestAccount,
  name: string,
  { query = '', ...body }: { readonly query?: string; readonly events?: readonly string[] } = {},
): Promise<NewWebhookEndpointResponse> {
  const response = await account.call('/v1/webhook-endpoints', {
    body: { url: hookUrl(name, query), ...body },
  });
  if (response.status !== 201) throw new Error(`${response.status}: ${await response.text()}`);
  return response.json();
}

/** @param query filters, e.g. `?status=dead` */
export async function deliveries(account: TestAccount, query = ''): Promise<WebhookDeliveryResponse[]> {
  const response = await account.call(`/v1/webhook-deliveries${query}`);
  if (response.status !== 200) throw new Error(`${response.status}: ${await response.text()}`);
  return (await response.json<WebhookDeliveryListResponse>()).data;
}

/** Polls until the account's log is as wanted. */
export async function waitForDeliveries(
  account: TestAccount,
  query: string,
  wanted: (found: readonly WebhookDeliveryResponse[]) => boolean,
): Promise<WebhookDeliveryResponse[]> {
  const deadline = Date.now() + 30_000;
  for (;;) {
    const found = await deliveries(account, query);
    if (wanted(found)) return found;
    if (Date.now() > deadline) throw new Error(`still not as wanted: ${JSON.stringify(found, null, 1)}`);
    await scheduler.wait(50);
  }
}

/** Every pending delivery is due now, of one account or of one sample. */
export async function makeDue(by: 'account' | 'sample' | 'id', value: string): Promise<string[]> {
  const { results } = await env.DB.prepare(
    `UPDATE webhook_delivery SET next_attempt_at = 0 WHERE ${by} = ? AND status = 'pending' RETURNING id`,
  )
    .bind(value)
    .all<{ id: string }>();
  return results.map(({ id }) => id);
}

/** Hands messages to the consumer as the queue would. */
export async function consume(...bodies: WebhookMessage[]) {
  const batch = createMessageBatch<WebhookMessage>(
    'cairn-webhooks',
    bodies.map((body, i) => ({ id: `m${i}`, timestamp: new Date(), attempts: 1, body })),
  );
  const context = createExecutionContext();
  await consumeWebhooks(batch, env);
  return getQueueResult(batch, context);
}

/** The next attempt at what is pending, without waiting for its time. */
export async function attemptNow(by: 'account' | 'sample' | 'id', value: string): Promise<number> {
  const ids = await makeDue(by, value);
  for (const delivery of ids) await consume({ delivery });
  return ids.length;
}

/** @throws unless the library verifies it with this secret */
export function verify({ body, headers }: Received, secret: string): SampleWebhookEvent {
  return new Webhook(secret).verify(body, headers) as SampleWebhookEvent;
}

/** What a receiver took, by event id: each verifies. */
export async function takenBy(name: string, secret: string): Promise<Map<string, SampleWebhookEvent>> {
  const taken = (await received(name)).filter(({ status }) => status < 300);
  const events = taken.map((request) => [request.headers['webhook-id']!, verify(request, secret)] as const);
  for (const [id] of events) expect(id).toMatch(/^msg_smp_/);
  return new Map(events);
}
