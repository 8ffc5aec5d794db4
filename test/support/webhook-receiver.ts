/** A real HTTP server that receives webhooks: `POST /hooks/NAME?status=500,200` answers with each status in turn. */
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
    const statuses = (url.searchParams.get('status') ?? '204').split(',').map(Number);
    const status = statuses[Math.min(list.length, statuses.length - 1)]!;
    list.push({ headers: req.headers as Record<string, string>, body: await readText(req), status });
    if (status >= 300 && status < 400) res.setHeader('Location', `/hooks/${name}-redirected`);
    const retryAfter = url.searchParams.get('retry-after');
    if (retryAfter !== null) res.setHeader('Retry-After', retryAfter);
    res.writeHead(status).end();
  });
  return listen(server);
}

async function readText(stream: IncomingMessage): Promise<string> {
  let text = '';
  for await (const part of stream) text += part;
  return text;
}
