/** One attempt at one webhook: sign, send, judge the answer. */
import { Webhook } from 'standardwebhooks';
import { parseRetryAfter } from '../../retry-after.ts';
import { webhookUrlProblem } from './url-policy.ts';

const TIMEOUT_MS = 20_000;

export interface Outgoing {
  /** Stays the same over every attempt at the same message. */
  readonly id: string;
  readonly url: string;
  /** `whsec_...`: each signs, so that a receiver may know any one of them. */
  readonly secrets: readonly string[];
  readonly body: string;
  readonly allowPrivate: boolean;
}

/** `gone`: the receiver wants no more. `refused`: not sent, by policy or for want of a secret that signs. */
export type DeliveryKind = 'delivered' | 'failed' | 'gone' | 'refused';

export interface DeliveryResult {
  readonly kind: DeliveryKind;
  /** For the log: never more of an answer than its status. */
  readonly detail: string;
  /** Null: there was no answer. */
  readonly statusCode: number | null;
  /** When it began, ms since the epoch. */
  readonly at: number;
  readonly durationMs: number;
  /** Seconds the receiver asked for. */
  readonly retryAfter: number | null;
}

/** Never throws: whatever happens is a result. */
export async function deliver({ id, url, secrets, body, allowPrivate }: Outgoing): Promise<DeliveryResult> {
  const at = Date.now();
  const refused = { kind: 'refused', statusCode: null, at, durationMs: 0, retryAfter: null } as const;
  const problem = webhookUrlProblem(url, allowPrivate);
  if (problem !== null) return { ...refused, detail: `not sent: ${problem}` };
  const signature = sign(secrets, id, new Date(at), body);
  if (signature === null) return { ...refused, detail: 'not sent: no signing secret of whsec_ and base64' };
  try {
    const response = await fetch(url, {
      method: 'POST',
      redirect: 'manual', // a redirect could lead where the policy would not
      signal: AbortSignal.timeout(TIMEOUT_MS),
      headers: {
        'Content-Type': 'application/json',
        'User-Agent': 'Cairn-Webhooks/1',
        'webhook-id': id,
        'webhook-timestamp': String(Math.floor(at / 1000)),
        'webhook-signature': signature,
      },
      body,
    });
    await response.body?.cancel();
    const { status: statusCode, ok } = response;
    return {
      kind: ok ? 'delivered' : statusCode === 410 ? 'gone' : 'failed',
      detail: `HTTP ${statusCode}`,
      statusCode,
      at,
      durationMs: Date.now() - at,
      retryAfter: ok ? null : (parseRetryAfter(response.headers.get('Retry-After'), at) ?? null),
    };
  } catch (error) {
    const timedOut = error instanceof DOMException && error.name === 'TimeoutError';
    const detail = timedOut ? `no answer within ${TIMEOUT_MS / 1000} s` : 'the connection failed';
    return { ...refused, kind: 'failed', detail, durationMs: Date.now() - at };
  }
}

/** Signatures separated by spaces, as Standard Webhooks rotates secrets. @returns null without one that can sign */
function sign(secrets: readonly string[], id: string, at: Date, body: string): string | null {
  try {
    const signatures = secrets.map((secret) => new Webhook(secret).sign(id, at, body));
    return signatures.length === 0 ? null : signatures.join(' ');
  } catch {
    return null;
  }
}
