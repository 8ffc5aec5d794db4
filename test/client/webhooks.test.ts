import { Webhook } from 'standardwebhooks';
import { expect, test } from 'vitest';
import { verifyWebhook, WebhookVerificationError } from '../../src/client/index.ts';

const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const OTHER = 'whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA';
const BODY = JSON.stringify({ type: 'sample.succeeded', data: { id: 'smp_1' } });

function signed(secret = SECRET, at = new Date()): Record<string, string> {
  return {
    'Webhook-Id': 'msg_1',
    'Webhook-Timestamp': String(Math.floor(at.getTime() / 1000)),
    'Webhook-Signature': new Webhook(secret).sign('msg_1', at, BODY),
  };
}

test('says what a webhook with a signature says, whatever the kind of headers', () => {
  expect(verifyWebhook(BODY, signed(), SECRET)).toEqual(JSON.parse(BODY));
  expect(verifyWebhook(BODY, new Headers(signed()), SECRET)).toEqual(JSON.parse(BODY));
});

test('takes either secret while one replaces the other', () => {
  expect(verifyWebhook(BODY, signed(), [OTHER, SECRET])).toEqual(JSON.parse(BODY));
});

test.each([
  ['another body', BODY.replace('smp_1', 'smp_2'), signed()],
  ['another secret', BODY, signed(OTHER)],
  ['an old one', BODY, signed(SECRET, new Date(Date.now() - 600_000))],
  ['no signature', BODY, {}],
])('refuses %s', (_what, body, headers) => {
  expect(() => verifyWebhook(body, headers, SECRET)).toThrow(WebhookVerificationError);
});
