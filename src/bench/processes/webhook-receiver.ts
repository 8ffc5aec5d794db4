/**
 * A receiver of webhooks that fails three times in ten, in a process of its own. It verifies every request with the
 * library of Standard Webhooks before it decides what to answer. Its parent tells it of secrets and asks for what came.
 */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';
import type { SampleWebhookEvent } from '../../functions/schemas/webhooks.ts';

/** What requests to `/hooks/<receiver>` are signed with; null asks without telling anything. */
export type ReceiverQuestion = { readonly receiver: string; readonly secret: string } | null;

export interface ReceiverReport {
  /** Requests that verified and were answered with success, as `receiver sample event`. One may have come twice. */
  readonly taken: readonly string[];
  /** Requests, whatever they were answered with. */
  readonly attempts: number;
  /** Requests that were answered with a failure, or with nothing, on purpose. */
  readonly spoiled: number;
  /** What did not verify, and why. */
  readonly refused: readonly string[];
}

const FAILING = 0.3;
/** Ways to fail: an answer, or 0 for a connection that is cut. */
const FAILURES = [500, 503, 429, 0];

const secrets = new Map<string, string>();
const report = { taken: [] as string[], attempts: 0, spoiled: 0, refused: [] as string[] };
/** By receiver and webhook-id. */
const attempts = new Map<string, number>();

const server = createServer(async (request, response) => {
  report.attempts++;
  const receiver = request.url!.slice('/hooks/'.length);
  const body = await readText(request);
  try {
    const secret = secrets.get(receiver);
    if (secret === undefined) throw new Error('nobody receives here');
    const event = new Webhook(secret).verify(body, request.headers as Record<string, string>);
    answer(receiver, request.headers['webhook-id'] as string, event as SampleWebhookEvent, response);
  } catch (error) {
    report.refused.push(`${receiver}: ${String(error)}`);
    response.writeHead(400).end();
  }
});
server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1', () =>
  process.send!(`http://127.0.0.1:${(server.address() as AddressInfo).port}`),
);
process.on('message', (question: ReceiverQuestion) => {
  if (question !== null) secrets.set(question.receiver, question.secret);
  process.send!(report satisfies ReceiverReport);
});
process.on('disconnect', () => process.exit());

/** Whether an attempt fails depends on its message and its number alone. */
function answer(
  receiver: string,
  id: string,
  { type, data }: SampleWebhookEvent,
  response: ServerResponse,
): void {
  const key = `${receiver} ${id}`;
  const attempt = (attempts.get(key) ?? 0) + 1;
  attempts.set(key, attempt);
  const digest = createHash('sha256').update(`${key} ${attempt}`).digest();
  if (digest.readUInt32LE(0) / 2 ** 32 >= FAILING) {
    report.taken.push(`${receiver} ${data.id} ${type}`);
    response.writeHead(204).end();
    return;
  }
  report.spoiled++;
  const status = FAILURES[digest[4]! % FAILURES.length]!;
  if (status === 0) response.destroy();
  else response.writeHead(status, { 'Retry-After': '1' }).end();
}

async function readText(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}
