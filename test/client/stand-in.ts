/** A stand-in for the API: gives the answers it was told to, and notes what it was asked. */
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Asked {
  /** e.g. `POST /v1/samples {"model":"mnist-32"}` */
  readonly line: string;
  readonly headers: IncomingHttpHeaders;
}

export interface Answer {
  readonly status?: number;
  /** Bytes and text are sent as they are, anything else as JSON. */
  readonly body?: object | string | Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
  /** The connection breaks after the body. */
  readonly breaks?: boolean;
}

export interface StandIn {
  readonly url: string;
  readonly asked: Asked[];
  answer(...answers: Answer[]): void;
  close(): void;
}

export async function startStandIn(): Promise<StandIn> {
  const answers: Answer[] = [];
  const asked: Asked[] = [];
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    asked.push({ line: `${request.method} ${request.url} ${body}`.trim(), headers: request.headers });
    const next = answers.shift();
    if (next === undefined) response.destroy();
    else send(response, next);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    answer: (...more) => answers.push(...more),
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

function send(response: ServerResponse, { status = 200, body = {}, headers, breaks }: Answer): void {
  const content = typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body);
  response.writeHead(status, { 'Content-Type': 'application/json', ...headers });
  if (breaks) response.write(content, () => response.destroy());
  else response.end(content);
}

export function problem(type: string, status: number, headers: Record<string, string> = {}): Answer {
  return {
    status,
    body: { type: `/problems/${type}`, title: type, status, detail: `it is ${type}`, instance: '/' },
    headers: { 'Content-Type': 'application/problem+json', ...headers },
  };
}

/** Server-sent events, numbered as given. */
export function events(...list: readonly (readonly [id: number, event: string, data: object])[]): Answer {
  const body = list.map(
    ([id, event, data]) => `id: ${id}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`,
  );
  return { body: body.join(''), headers: { 'Content-Type': 'text/event-stream' } };
}
