/** What a webhook says: what happened, and links. Thin: it stays below 20 KB however large the job. */
import type { OwedEvent } from '../../durable/job/events.ts';
import type { SampleSpec } from '../../durable/spec.ts';
import type { SampleWebhookEvent } from '../schemas/webhooks.ts';

/** Bytes of a body; the specification asks for less than 20 KB. */
const MAX_BYTES = 16_384;
/** Characters of a failure's message: a backend's words may be long. */
const MAX_MESSAGE = 1_000;

/** The bytes that every receiver gets at every delivery. Links need a key: signed ones would expire before a retry. */
export function webhookBody({ type, at, snapshot }: OwedEvent, spec: SampleSpec): string {
  const { status, createdAt, startedAt, finishedAt, failure } = snapshot;
  const { model, sampler, steps, seed, count } = spec;
  const self = `${spec.origin}/v1/samples/${spec.id}`;
  const data: SampleWebhookEvent['data'] = {
    id: spec.id,
    status,
    created_at: iso(createdAt),
    started_at: startedAt === null ? null : iso(startedAt),
    finished_at: finishedAt === null ? null : iso(finishedAt),
    error: failure === null ? null : { code: failure.code, message: failure.message.slice(0, MAX_MESSAGE) },
    metadata: { ...spec.metadata },
    grid: status === 'succeeded' ? `${self}/grid.png` : null,
    urls: { self },
    request: { model, sampler, steps, seed, count },
  };
  const event: SampleWebhookEvent = { type, timestamp: iso(at), data };
  const body = JSON.stringify(event);
  if (new TextEncoder().encode(body).length <= MAX_BYTES) return body;
  return JSON.stringify({ ...event, data: { ...data, metadata: null } } satisfies SampleWebhookEvent);
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
