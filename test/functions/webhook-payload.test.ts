import { describe, expect, it } from 'vitest';
import { SAMPLE_EVENTS } from '../../src/durable/job/event-names.ts';
import type { OwedEvent } from '../../src/durable/job/events.ts';
import type { Env } from '../../src/env.ts';
import { MAX_METADATA } from '../../src/functions/limits.ts';
import { resolveSample } from '../../src/functions/resolve.ts';
import { sampleRequest } from '../../src/functions/schemas/sample-request.ts';
import { sampleWebhookEvent } from '../../src/functions/schemas/webhooks.ts';
import { webhookBody } from '../../src/functions/webhooks/payload.ts';

const FAILED: OwedEvent = {
  id: 'msg_1',
  type: 'sample.failed',
  at: 3,
  snapshot: {
    status: 'failed',
    createdAt: 1,
    startedAt: 2,
    finishedAt: 3,
    failure: { code: 'backend_deadline', message: 'ü'.repeat(1_000_000) },
  },
};

/** The largest job that a request can make. */
function largest(character: string) {
  const { entries, key, value } = MAX_METADATA;
  const notes = Array.from({ length: entries }, (_, i) => [
    String.fromCharCode(97 + i) + character.repeat(key - 1),
    character.repeat(value),
  ]);
  const request = sampleRequest.parse({
    model: 'mnist-32',
    classes: Array.from({ length: 256 }, (_, i) => ({ [i % 10]: 0.123456789, [(i + 1) % 10]: 9.87654321 })),
    count: 256,
    steps: Array.from({ length: 100 }, () => '3').join(','),
    guidance_scale: { type: 'list', scales: new Array(300).fill(1.2345678901234567) },
    metadata: Object.fromEntries(notes),
  });
  const origin = `https://${'long.'.repeat(40)}example.com`;
  return resolveSample(request, { account: 'acc_1', origin, now: 0 }, {} as Env);
}

describe('what a webhook says', () => {
  it.each(['x', 'ü', '\u0000'])('stays below 20 KB for the largest job, with notes of %j', (character) => {
    const body = webhookBody(FAILED, largest(character));
    expect(new TextEncoder().encode(body).length).toBeLessThan(20_000);
    const event = sampleWebhookEvent.parse(JSON.parse(body));
    expect(event.data.error?.message).toHaveLength(1_000);
  });

  it('leaves out notes that are too large, and no others', () => {
    const notes = { order: 'A-1029' };
    const spec = largest('x');
    expect(JSON.parse(webhookBody(FAILED, { ...spec, metadata: notes })).data.metadata).toEqual(notes);
    expect(JSON.parse(webhookBody(FAILED, largest('\u0000'))).data.metadata).toBeNull();
  });

  it('names every event in the one enumeration', () => {
    expect(sampleWebhookEvent.shape.type.options).toEqual([...SAMPLE_EVENTS]);
  });
});
