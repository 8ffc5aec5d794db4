/** Consumer of both webhook queues. A message names a job; the job knows whether and what there is to deliver. */
import type { Env, WebhookMessage } from '../../env.ts';
import { Links } from '../links.ts';
import { deliver } from './deliver.ts';
import { webhookBody } from './payload.ts';
import { nextDelay } from './schedule.ts';

const DEAD_QUEUE = 'cairn-webhooks-dead';

export async function consumeWebhooks(batch: MessageBatch<WebhookMessage>, env: Env): Promise<void> {
  const handle = batch.queue === DEAD_QUEUE ? bury : attempt;
  await Promise.all(batch.messages.map((message) => handle(message, env)));
}

/** An error thrown in here makes the queue retry the message, and in the end move it to the dead letters. */
async function attempt(message: Message<WebhookMessage>, env: Env): Promise<void> {
  const job = env.JOBS.get(env.JOBS.idFromName(message.body.job));
  const due = await job.webhookDelivery();
  const target = due?.record.spec.webhook ?? null;
  const secret = target?.secret ?? env.WEBHOOK_SECRET;
  if (due === null || target === null) return message.ack();
  if (secret === undefined) {
    await job.webhookDead('not sent: this deployment has lost its signing secret');
    return message.ack();
  }

  const result = await deliver({
    id: due.id,
    url: target.url,
    secret,
    body: await webhookBody(due.record, new Links(env, { origin: due.record.spec.origin, now: Date.now() })),
    allowPrivate: env.ALLOW_PRIVATE_WEBHOOKS === 'true',
  });
  if (result.kind === 'delivered') {
    await job.webhookDelivered(result.detail);
    return message.ack();
  }
  const delay = result.kind === 'gone' ? null : nextDelay(due.attempts + 1, result.retryAfter);
  await job.webhookAttempted(result.detail, (delay ?? 0) * 1000);
  if (delay !== null) return message.retry({ delaySeconds: delay });
  await env.DEAD_WEBHOOKS.send(message.body);
  message.ack();
}

/** Dead letters: the job shows that its webhook was given up; the job itself is untouched. */
async function bury(message: Message<WebhookMessage>, env: Env): Promise<void> {
  const job = env.JOBS.get(env.JOBS.idFromName(message.body.job));
  await job.webhookDead('given up');
  message.ack();
}
