/**
 * An inference server that computes nothing: it answers any model with zeros of the right shapes, at once or, below
 * the path /after/<ms>, that many milliseconds after the request has come in whole. Asked anything by its parent, it
 * says how long it has held a request on average, in ms, since it was last asked.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { HEADER_LENGTH } from '../../inference/oip/framing.ts';
import { zerosFor } from './zeros.ts';

const PATH = /^(?:\/after\/(?<ms>\d+))?\/v2\/models\/(?<model>[^/]+)\/infer$/;

let held = { requests: 0, ms: 0 };

// A caller may die in the middle of its request.
const server = createServer((request, response) => {
  answer(request, response).catch(() => response.destroy());
});

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { ms, model } = PATH.exec(request.url!)?.groups ?? {};
  if (model === undefined) {
    // Metadata: it has none.
    response.writeHead(404).end();
    return;
  }
  const pieces = await readAll(request);
  const arrivedAt = performance.now();
  const zeros = zerosFor(model, request.headers[HEADER_LENGTH] as string, pieces);
  const send = () => {
    response.writeHead(200, { ...zeros.headers, 'content-length': zeros.body.length }).end(zeros.body);
    held.requests++;
    held.ms += performance.now() - arrivedAt;
  };
  if (ms === undefined) send();
  else setTimeout(send, Number(ms));
}

server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1', () =>
  process.send!(`http://127.0.0.1:${(server.address() as AddressInfo).port}`),
);
process.on('message', () => {
  process.send!(held.ms / held.requests);
  held = { requests: 0, ms: 0 };
});
process.on('disconnect', () => process.exit());

async function readAll(request: IncomingMessage): Promise<Buffer[]> {
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(piece);
  return pieces;
}
