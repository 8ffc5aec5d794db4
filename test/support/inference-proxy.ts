/**
 * A real HTTP server between the Worker and the inference server that misbehaves on demand: the durable objects'
 * tests need a backend that is down, slow or wrong at a chosen moment.
 */
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { type Listening, listen } from './listen.ts';
import type { Fault } from './shared.ts';

interface Plan {
  fault: Fault | null;
  /** Calls to let through first. */
  after: number;
  /** Calls to spoil after those. */
  times: number;
}

export async function startInferenceProxy(target: string): Promise<Listening> {
  const plan: Plan = { fault: null, after: 0, times: 0 };
  let calls = 0;

  const server = createServer(async (req, res) => {
    if (req.url === '/control') return control(req, res);
    if (req.url?.endsWith('/infer')) {
      calls++;
      if (plan.after > 0) plan.after--;
      else if (plan.fault !== null && plan.times-- > 0) return spoil(plan.fault, req, res);
    }
    forward(req, res, target);
  });

  async function control(req: IncomingMessage, res: ServerResponse): Promise<void> {
    if (req.method === 'POST') {
      Object.assign(plan, JSON.parse((await readAll(req)).toString()));
      calls = 0;
    }
    res.end(JSON.stringify({ ...plan, calls }));
  }

  async function spoil(fault: Fault, req: IncomingMessage, res: ServerResponse): Promise<void> {
    if (fault === 'hang') return void req.resume(); // never answers; the caller's deadline or abort ends it
    if (fault === 'reset') return void req.socket.destroy();
    if (fault === 'nan') return forward(req, res, target, poison);
    req.resume();
    res.statusCode = fault === 'reject' ? 400 : 503;
    res.setHeader('Content-Type', 'application/json');
    res.end(JSON.stringify({ error: `spoiled: ${fault}` }));
  }

  return listen(server);
}

/** Last float of the last tensor becomes NaN. */
function poison(body: Buffer): Buffer {
  body.writeFloatLE(Number.NaN, body.length - 4);
  return body;
}

function forward(
  req: IncomingMessage,
  res: ServerResponse,
  target: string,
  change = (body: Buffer) => body,
): void {
  const upstream = request(
    `${target}${req.url}`,
    { method: req.method, headers: req.headers },
    async (answer) => {
      const body = change(await readAll(answer));
      res.writeHead(answer.statusCode ?? 502, answer.headers);
      res.end(body);
    },
  );
  upstream.on('error', () => res.destroy());
  req.pipe(upstream);
}

async function readAll(stream: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of stream) parts.push(part as Buffer);
  return Buffer.concat(parts);
}
