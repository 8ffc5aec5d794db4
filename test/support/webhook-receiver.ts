/**
 * A real HTTP server that receives webhooks: `POST /hooks/NAME?status=500,200` answers with each status in turn.
 *
 * `retry-after=S` goes into every answer. `fail=3` fails three of ten. `hang` never answers, `drip` answers with a body
 * that never ends.
 */
import { createServer, type IncomingMessage } from 'node:http';
import { type Listening, listen } from './listen.ts';
import type { Received } from './shared.ts';

/** `GET /received/NAME` lists what came to NAME. */
export async function startWebhookReceiver(): Promise<Listening> {
  const received = new Map<string, Received[]>();
  const server = createServer(async (req, res) => {
    const url = new URL(req.url ?? '/', 'http://receiver');
    const [, kind, name = ''] = url.pathname.split('/');
    const list = received.get(name) ?? [];
    received.set(name, list);
    if (kind === 'received') return void res.end(JSON.stringify(list));
    const status = statusOf(url.searchParams, list.length);
    list.push({ headers: req.headers as Record<string, string>, body: await readText(req), status });
    if (url.searchParams.has('hang')) return;
    if (status >= 300 && status < 400) res.setHeader('Location', `/hooks/${name}-redirected`);
    const retryAfter = url.searchParams.get('retry-after');
    if (retryAfter !== null) res.setHeader('Retry-After', retryAfter);
    res.writeHead(status);
    if (url.searchParams.has('drip')) return void res.write('more to come');
    res.end();
  });
  return listen(server);
}

/** @param before requests that came earlier */
function statusOf(params: URLSearchParams, before: number): number {
  const fail = Number(params.get('fail') ?? 0);
  if (fail > 0) return (before * 7) % 10 < fail ? 500 : 204;
  const statuses = (params.get('status') ?? '204').split(',').map(Number);
  return statuses[Math.min(before, statuses.length - 1)]!;
}

async function readText(stream: IncomingMessage): Promise<string> {
  let text = '';
  for await (const part of stream) text += part;
  return text;
}
