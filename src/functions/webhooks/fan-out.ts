/**
 * From the events that a job owes to one delivery for each receiver.
 *
 * A job object holds its events only until they are in D1, whole, in one transaction; who receives them and what became
 * of each is kept there. So twenty dead endpoints are twenty rows that nobody has to keep an object awake for, the log
 * is a query over all of an account's samples, and a sample that is deleted takes no delivery with it.
 */
import { type OwedEvent, wants } from '../../durable/job/events.ts';
import type { SampleSpec } from '../../durable/spec.ts';
import type { Env } from '../../env.ts';
import { receiverOf, saveMessages, type WebhookReceiver } from '../../store/webhooks/deliveries.ts';
import { listEndpoints, type WebhookEndpoint } from '../../store/webhooks/endpoints.ts';
import { enqueueDeliveries } from './enqueue.ts';
import { webhookBody } from './payload.ts';

/**
 * Idempotent, and safe to lose anywhere: the job lets go of an event last, and until then it sends its name again.
 *
 * @throws whatever the job, the database or the queue throws
 */
export async function fanOut(job: string, env: Env): Promise<void> {
  const stub = env.JOBS.get(env.JOBS.idFromName(job));
  const owed = await stub.owedEvents();
  if (owed === null || owed.events.length === 0) return;
  const { spec, events } = owed;
  const endpoints = await listEndpoints(env.DB, spec.account);
  const messages = events.flatMap((event) => {
    const receivers = receiversOf(event, spec, endpoints);
    if (receivers.length === 0) return [];
    const { id, type } = event;
    const message = {
      id,
      account: spec.account,
      sample: spec.id,
      event: type,
      body: webhookBody(event, spec),
    };
    return [{ message, receivers }];
  });
  if (messages.length > 0) await enqueueDeliveries(env, await saveMessages(env.DB, messages, Date.now()));
  await stub.settleEvents(events);
}

function receiversOf(
  { type }: OwedEvent,
  { webhook }: SampleSpec,
  endpoints: readonly WebhookEndpoint[],
): WebhookReceiver[] {
  const receivers = endpoints.flatMap((endpoint) => receiverOf(endpoint, type) ?? []);
  if (webhook === null || !wants(webhook, type)) return receivers;
  return [...receivers, { endpoint: null, url: webhook.url, secret: webhook.secret, dead: null }];
}
