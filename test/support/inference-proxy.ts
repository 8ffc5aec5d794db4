/**
 * A real HTTP server between the Worker and the inference server that misbehaves on demand: the durable objects'
 * tests need a backend that is down, slow or wrong at a chosen moment.
 */
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { zerosFor } from '../../src/bench/processes/zeros.ts';
import { type Listening, listen } from './listen.ts';
import type { Fault, ProxyReport } from './shared.ts';

interface Plan {
  fault: Fault | null;
  /** Calls to let through first. */
  after: number;
  /** Calls to spoil after those. */
  times: number;
  /** How long a server is down, or slow, or asks for patience. */
  ms: number;
  /** What is not spoiled is answered with zeros, at once, without the server. */
  zeros: boolean;
}

const HEADER_LENGTH = 'inference-header-content-length';

export async function startInferenceProxy(target: string): Promise<Listening> {
  const plan: Plan = { fault: null, after: 0, times: 0, ms: 1_000, zeros: false };
  let calls = 0;
  let others = 0;
  let last: ProxyReport['last'] = null;
  let revival: NodeJS.Timeout | undefined;

  // A caller may leave in the middle of anything: a paused job aborts its call.
  const server = createServer((req, res) => void answer(req, res).catch(() => res.destroy()));

  async function answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
    if (req.url === '/control') return control(req, res);
    if (!req.url?.endsWith('/infer')) {
      others++;
      return forward(req, res, await readAll(req));
    }
    calls++;
    const body = await readAll(req);
    last = headerOf(body, req.headers[HEADER_LENGTH]);
    if (plan.after > 0) plan.after--;
    else if (plan.fault !== null && plan.times-- > 0) return spoil(plan.fault, req, res, body);
    if (plan.zeros) return answerZeros(req, res, body);
    forward(req, res, body);
  }

  async function control(req: IncomingMessage, res: ServerResponse): Promise<void> {
    if (req.method === 'POST') {
      Object.assign(plan, JSON.parse((await readAll(req)).toString()));
      calls = 0;
      others = 0;
    }
    res.end(JSON.stringify({ calls, others, last } satisfies ProxyReport));
  }

  async function spoil(fault: Fault, req: IncomingMessage, res: ServerResponse, body: Buffer): Promise<void> {
    if (fault === 'hang') return; // never answers; the caller's deadline or abort ends it
    if (fault === 'reset') return void req.socket.destroy();
    if (fault === 'down') return goDown();
    if (fault === 'nan') return forward(req, res, body, poison);
    if (fault === 'wrong_digest') return forward(req, res, body, giveAnotherDigest);
    if (fault === 'slow') return sleep(plan.ms).then(() => forward(req, res, body));
    if (fault === 'garbage') return void res.end('<html>this is not the server you are looking for</html>');
    if (fault === 'patience') res.setHeader('Retry-After', Math.ceil(plan.ms / 1000));
    res.statusCode = STATUS[fault];
    res.setHeader('Content-Type', 'application/json');
    res.end(JSON.stringify({ error: `spoiled: ${fault}` }));
  }

  function answerZeros(req: IncomingMessage, res: ServerResponse, body: Buffer): void {
    const [, model] = /\/models\/([^/]+)\/infer$/.exec(req.url!)!;
    const zeros = zerosFor(model!, String(req.headers[HEADER_LENGTH]), [body]);
    res.writeHead(200, { ...zeros.headers, 'content-length': zeros.body.length }).end(zeros.body);
  }

  /** As a server that is killed and started again: connections break, then nobody listens for a while. */
  function goDown(): void {
    const { port } = server.address() as AddressInfo;
    server.close();
    server.closeAllConnections();
    revival = setTimeout(() => server.listen(port, '127.0.0.1'), plan.ms);
  }

  function forward(
    req: IncomingMessage,
    res: ServerResponse,
    body: Buffer,
    change = (answer: Answer) => answer,
  ): void {
    const upstream = request(
      `${target}${req.url}`,
      { method: req.method, headers: req.headers },
      (answer) => {
        const passOn = async () => {
          const { headers, body: changed } = change({ headers: answer.headers, body: await readAll(answer) });
          res.writeHead(answer.statusCode ?? 502, headers);
          res.end(changed);
        };
        passOn().catch(() => res.destroy());
      },
    );
    upstream.on('error', () => res.destroy());
    upstream.end(body);
  }

  const listening = await listen(server);
  return {
    ...listening,
    close: async () => {
      clearTimeout(revival);
      if (server.listening) await listening.close();
    },
  };
}

const STATUS = { unavailable: 503, reject: 400, unauthorized: 401, unknown: 404, patience: 429 } as const;

interface Answer {
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

/** Last float of the last tensor becomes NaN. */
function poison({ headers, body }: Answer): Answer {
  body.writeFloatLE(Number.NaN, body.length - 4);
  return { headers, body };
}

function giveAnotherDigest({ headers, body }: Answer): Answer {
  const length = Number(headers[HEADER_LENGTH] ?? body.length);
  const json = JSON.parse(body.subarray(0, length).toString());
  const parameters = { ...json.parameters, digest: 'sha256:another' };
  const head = Buffer.from(JSON.stringify({ ...json, parameters }));
  const changed = Buffer.concat([head, body.subarray(length)]);
  return {
    headers: { ...headers, [HEADER_LENGTH]: String(head.length), 'content-length': String(changed.length) },
    body: changed,
  };
}

/** What a request asks for, without its tensors. */
function headerOf(body: Buffer, length: string | string[] | undefined): ProxyReport['last'] {
  const { parameters = {}, inputs } = JSON.parse(body.subarray(0, Number(length ?? body.length)).toString());
  return { parameters, x: inputs[0].datatype };
}

async function readAll(stream: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of stream) parts.push(part as Buffer);
  return Buffer.concat(parts);
}
