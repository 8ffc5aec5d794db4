import type { Env } from '../../env.ts';

/** The platform's most of one call. */
const MESSAGES_PER_CALL = 100;

/** Asks for attempts at deliveries that are due. A message that is lost on the way is sent again by the sweep. */
export async function enqueueDeliveries(env: Env, ids: readonly string[]): Promise<void> {
  for (let first = 0; first < ids.length; first += MESSAGES_PER_CALL) {
    const part = ids.slice(first, first + MESSAGES_PER_CALL);
    await env.WEBHOOKS.sendBatch(part.map((delivery) => ({ body: { delivery } })));
  }
}
