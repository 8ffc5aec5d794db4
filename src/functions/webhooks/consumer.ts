/** Consumer of the webhook queue. Messages carry names only: what is owed is in the job, what is due in D1. */
import type { Env, WebhookMessage } from '../../env.ts';
import { attemptDelivery } from './attempt.ts';
import { fanOut } from './fan-out.ts';

/** Every message is settled on its own: one that fails comes again, and what it did before is not done twice. */
export async function consumeWebhooks(batch: MessageBatch<WebhookMessage>, env: Env): Promise<void> {
  await Promise.all(batch.messages.map((message) => consume(message, env)));
}

async function consume(message: Message<WebhookMessage>, env: Env): Promise<void> {
  const { body } = message;
  try {
    if ('job' in body) await fanOut(body.job, env);
    else await attemptDelivery(body.delivery, env);
    message.ack();
  } catch (error) {
    console.error(JSON.stringify({ ...body, error: String(error) }));
    message.retry();
  }
}
