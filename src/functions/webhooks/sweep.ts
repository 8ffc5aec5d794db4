/** Once a minute: deliveries that were forgotten are asked for again, and the log forgets what is old. */
import type { Env } from '../../env.ts';
import { expireMessages, takeOverdue } from '../../store/webhooks/upkeep.ts';
import { enqueueDeliveries } from './enqueue.ts';

/** A delivery that was due this long ago, and is still pending, was lost by the queue or by its consumer. */
const OVERDUE_MS = 60_000;
/** Messages, deliveries and attempts are kept this long. */
export const LOG_DAYS = 30;
/** Rows of one sweep: the next one is a minute away. */
const LIMIT = 1_000;

export async function sweepWebhooks(env: Env, now: number): Promise<void> {
  await enqueueDeliveries(env, await takeOverdue(env.DB, now - OVERDUE_MS, now, LIMIT));
  await expireMessages(env.DB, now - LOG_DAYS * 86_400_000, LIMIT);
}
