/** What has to be done now and then, so that nothing is forgotten and nothing stays for ever. */
import type { D1Database } from '@cloudflare/workers-types';

/**
 * Pending deliveries that nobody has looked after since `before`: the queue has lost their message, or their consumer
 * died. They are due now, and not found again before they are overdue once more.
 */
export async function takeOverdue(
  db: D1Database,
  before: number,
  now: number,
  limit: number,
): Promise<string[]> {
  const { results } = await db
    .prepare(
      `UPDATE webhook_delivery SET next_attempt_at = ?2 WHERE id IN (
         SELECT id FROM webhook_delivery WHERE status = 'pending' AND next_attempt_at < ?1
         ORDER BY next_attempt_at LIMIT ?3)
       RETURNING id`,
    )
    .bind(before, now, limit)
    .all<{ id: string }>();
  return results.map(({ id }) => id);
}

/** Messages made before that time go, with their deliveries and attempts, unless one of them is still pending. */
export async function expireMessages(db: D1Database, before: number, limit: number): Promise<number> {
  const { meta } = await db
    .prepare(
      `DELETE FROM webhook_message WHERE id IN (
         SELECT id FROM webhook_message m WHERE created_at < ?1 AND NOT EXISTS
           (SELECT 1 FROM webhook_delivery WHERE message = m.id AND status = 'pending')
         ORDER BY created_at LIMIT ?2)`,
    )
    .bind(before, limit)
    .run();
  return meta.changes;
}
