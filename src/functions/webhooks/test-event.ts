/** A test event: one attempt under the same policy and time-outs as any other, of which only a class is told. */
import type { Env } from '../../env.ts';
import { newId } from '../../ids.ts';
import { secretsOf, type WebhookEndpoint } from '../../store/webhooks/endpoints.ts';
import type { WebhookTestResponse } from '../schemas/webhooks.ts';
import { type DeliveryResult, deliver } from './deliver.ts';

/** No endpoint can ask for it by its filter, and no sample sends it. */
export const TEST_EVENT = 'webhook.test';

export async function testEndpoint(
  endpoint: WebhookEndpoint,
  env: Env,
  now: number,
): Promise<WebhookTestResponse> {
  const id = newId('msg_test');
  const result = await deliver({
    id,
    url: endpoint.url,
    secrets: secretsOf(endpoint, now),
    body: JSON.stringify({
      type: TEST_EVENT,
      timestamp: new Date(now).toISOString(),
      data: { endpoint: endpoint.id },
    }),
    allowPrivate: env.ALLOW_PRIVATE_WEBHOOKS === 'true',
  });
  return { message_id: id, result: classOf(result), delivered: result.kind === 'delivered' };
}

const CLASSES = ['2xx', '3xx', '4xx', '5xx'] as const;

/** Whether nobody answered, or too late, or not in this protocol, is not told: that would map a network. */
function classOf({ kind, statusCode }: DeliveryResult): WebhookTestResponse['result'] {
  if (kind === 'refused') return 'refused';
  if (statusCode === null) return 'no_answer';
  return CLASSES[Math.floor(statusCode / 100) - 2] ?? 'other';
}
