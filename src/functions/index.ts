/** Entry of the Worker: HTTP, queue, clock, and the durable objects. */
import type { Env, WebhookMessage } from '../env.ts';
import { app } from './app.ts';
import { runScheduled } from './scheduled.ts';
import { consumeWebhooks } from './webhooks/consumer.ts';

export { AccountQueue } from '../durable/account-queue.ts';
export { SampleBatch } from '../durable/sample-batch.ts';
export { SampleJob } from './events/sample-job.ts';

export default {
  fetch: app.fetch,
  queue: (batch, env) => consumeWebhooks(batch, env),
  scheduled: (controller, env) => runScheduled(env, controller.scheduledTime),
} satisfies ExportedHandler<Env, WebhookMessage>;
