/** What the Worker does once a minute by itself, by the cron trigger of wrangler.toml. */
import type { Env } from '../env.ts';
import { sweepWebhooks } from './webhooks/sweep.ts';

export async function runScheduled(env: Env, now: number): Promise<void> {
  await sweepWebhooks(env, now);
}
