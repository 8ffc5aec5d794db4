/** One delivery of one webhook: sign, send, judge the answer. */
import { Webhook } from 'standardwebhooks';
import { parseRetryAfter } from '../../retry-after.ts';
import { webhookUrlProblem } from './url-policy.ts';

const TIMEOUT_MS = 20_000;

export interface Delivery {
  /** Stays the same over every delivery of the same event. */
  readonly id: string;
  readonly url: string;
  /** `whsec_...` */
  readonly secret: string;
  readonly body: string;
  readonly allowPrivate: boolean;
}

/** `gone`: the receiver wants no more (410), or may not be reached by policy. */
export type DeliveryResult =
  | { readonly kind: 'delivered'; readonly detail: string }
  | { readonly kind: 'failed'; readonly detail: string; readonly retryAfter: number | null }
  | { readonly kind: 'gone'; readonly detail: string };

/** Never throws: whatever happens is a result. */
export async function deliver({ id, url, secret, body, allowPrivate }: Delivery): Promise<DeliveryResult> {
  const problem = webhookUrlProblem(url, allowPrivate);
  if (problem !== null) return { kind: 'gone', detail: `not sent: ${problem}` };
  const now = new Date();
  const signature = sign(secret, id, now, body);
  if (signature === null)
    return { kind: 'gone', detail: 'not sent: the signing secret is not whsec_ and base64' };
  try {
    const response = await fetch(url, {
      method: 'POST',
      redirect: 'manual', // a redirect could lead where the policy would not
      signal: AbortSignal.timeout(TIMEOUT_MS),
      headers: {
        'Content-Type': 'application/json',
        'User-Agent': 'Cairn-Webhooks/1',
        'webhook-id': id,
        'webhook-timestamp': String(Math.floor(now.getTime() / 1000)),
        'webhook-signature': signature,
      },
      body,
    });
    await response.body?.cancel();
    const detail = `HTTP ${response.status}`;
    if (response.ok) return { kind: 'delivered', detail };
    if (response.status === 410) return { kind: 'gone', detail };
    return {
      kind: 'failed',
      detail,
      retryAfter: parseRetryAfter(response.headers.get('Retry-After'), now.getTime()) ?? null,
    };
  } catch (error) {
    const timedOut = error instanceof DOMException && error.name === 'TimeoutError';
    const detail = timedOut ? `no answer within ${TIMEOUT_MS / 1000} s` : 'the connection failed';
    return { kind: 'failed', detail, retryAfter: null };
  }
}

/** @returns null for a secret that can't sign */
function sign(secret: string, id: string, now: Date, body: string): string | null {
  try {
    return new Webhook(secret).sign(id, now, body);
  } catch {
    return null;
  }
}
