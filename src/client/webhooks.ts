/** For whoever receives webhooks: is this one from Cairn, and what does it say? */
import { Webhook, WebhookVerificationError } from 'standardwebhooks';
import type { SampleWebhookEvent } from '../functions/schemas/webhooks.ts';

export { WebhookVerificationError };

/**
 * Checks signature and age of a webhook (Standard Webhooks).
 *
 * @param body exactly as it came: text, not parsed JSON
 * @param headers of the request
 * @param secret `whsec_...`; several while a secret is being rotated
 * @returns what the body says
 * @throws {WebhookVerificationError} if no secret fits, or it is older or newer than five minutes
 */
export function verifyWebhook<T = SampleWebhookEvent>(
  body: string,
  headers: Headers | Readonly<Record<string, string | string[] | undefined>>,
  secret: string | readonly string[],
): T {
  const entries = headers instanceof Headers ? [...headers] : Object.entries(headers);
  const signed = Object.fromEntries(
    entries.flatMap(([name, value]) => (typeof value === 'string' ? [[name.toLowerCase(), value]] : [])),
  );
  const secrets = typeof secret === 'string' ? [secret] : secret;
  let failure: unknown = new WebhookVerificationError('no secret was given');
  for (const each of secrets) {
    try {
      return new Webhook(each).verify(body, signed) as T;
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}
