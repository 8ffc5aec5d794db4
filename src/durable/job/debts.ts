/** What a job owes those who keep books on it: events to the webhooks, its state to the index. Paid until it is heard. */
import type { Env } from '../../env.ts';
import { writeSample } from '../../store/samples.ts';
import { within } from '../within.ts';
import { entryOf, owesIndex, wordOf } from './index-entry.ts';
import type { JobStore } from './job-store.ts';

/** Events nobody has taken for this long are queued again: a queue may lose a message, a job not. */
const EVENTS_LEASE_MS = 60_000;
/** A word to the index may take this long before the job goes on without an answer. */
const INDEX_TIMEOUT_MS = 5_000;

/** @throws whatever the queue throws */
export async function enqueueEvents(env: Env, store: JobStore): Promise<void> {
  const record = store.read();
  if (record === null || record.eventsDueAt === null || record.eventsDueAt > Date.now()) return;
  const events = store.outbox.read(record.spec.id);
  await env.WEBHOOKS.send({ job: record.spec.id });
  store.outbox.enqueued(events, Date.now() + EVENTS_LEASE_MS);
}

/** Owed until the index says what the job says; one that can't be reached is told later. */
export async function tellIndex(env: Env, store: JobStore): Promise<void> {
  const record = store.read();
  if (record === null || !owesIndex(record)) return;
  const entry = entryOf(record);
  const version = store.beginIndexing();
  const written = writeSample(env.DB, entry, version, record.indexed === null).then(() => true);
  if (await within(written, INDEX_TIMEOUT_MS)) store.markIndexed(wordOf(entry));
}
