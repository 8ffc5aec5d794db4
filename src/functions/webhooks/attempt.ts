/** One attempt at one delivery, from the claim to what follows from its result. */
import type { Env } from '../../env.ts';
import {
  claimDelivery,
  type DueDelivery,
  type Settlement,
  settleAttempt,
} from '../../store/webhooks/deliveries.ts';
import { findEndpointById, secretsOf } from '../../store/webhooks/endpoints.ts';
import { type DeliveryResult, deliver } from './deliver.ts';
import { deliveryDelays, nextDelay } from './schedule.ts';

/** A consumer that has not settled its delivery for this long is lost: three times what an attempt may take. */
export const LEASE_MS = 60_000;
/** Clocks of consumers may differ by this much; a message that comes early would otherwise wait for the sweep. */
const EARLY_MS = 1_000;
/**
 * An endpoint at which nothing has arrived for this long is disabled when the next delivery has used up its schedule:
 * longer than the schedule itself, so that one bad message is not enough.
 */
const FAILING_MS = 5 * 86_400_000;

/**
 * At least once: what is lost between sending and settling is sent again when the lease is over.
 *
 * @throws whatever the database, the job or the queue throws
 */
export async function attemptDelivery(id: string, env: Env): Promise<void> {
  const delays = deliveryDelays(env.WEBHOOK_RETRY_SECONDS); // before anything is sent that could not be followed up
  const now = Date.now();
  const due = await claimDelivery(env.DB, id, now + EARLY_MS, now + LEASE_MS);
  if (due === null) return;
  const result = await deliver({
    id: due.message,
    url: due.url,
    secrets: await signingSecrets(due, env),
    body: due.body,
    allowPrivate: env.ALLOW_PRIVATE_WEBHOOKS === 'true',
  });
  const delay = delayAfter(due, delays, result);
  const settlement = settlementOf(result, delay);
  if (due.endpoint === null) {
    const { status } = settlement;
    const state = { id: due.message, status, attempts: due.attempts + 1, lastResult: result.detail };
    await env.JOBS.get(env.JOBS.idFromName(due.sample)).webhookSeen(state);
  }
  const { at, durationMs, statusCode, detail } = result;
  await settleAttempt(env.DB, due, { at, durationMs, statusCode, result: detail }, settlement);
  if (delay !== null) await env.WEBHOOKS.send({ delivery: id }, { delaySeconds: delay });
}

async function signingSecrets({ endpoint, secret }: DueDelivery, env: Env): Promise<string[]> {
  if (endpoint !== null) {
    const found = await findEndpointById(env.DB, endpoint);
    return found === null ? [] : secretsOf(found, Date.now());
  }
  return [secret ?? env.WEBHOOK_SECRET].filter((text) => text !== undefined);
}

/** Seconds to the next attempt; null if there is none. */
function delayAfter(
  { attempts }: DueDelivery,
  delays: readonly number[],
  { kind, retryAfter }: DeliveryResult,
): number | null {
  return kind === 'failed' ? nextDelay(attempts + 1, delays, retryAfter) : null;
}

function settlementOf({ kind, at, durationMs }: DeliveryResult, delay: number | null): Settlement {
  const now = at + durationMs;
  if (kind === 'delivered') return { status: 'delivered', nextAttemptAt: null, disable: null };
  if (delay !== null) return { status: 'pending', nextAttemptAt: now + delay * 1000, disable: null };
  const disable = kind === 'gone' ? kind : { ifFailingSince: now - FAILING_MS };
  return { status: 'dead', nextAttemptAt: null, disable };
}
