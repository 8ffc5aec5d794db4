import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { CairnClient, CairnError, type SampleResponse } from '../../src/client/index.ts';

/** What the stand-in for the API answers next, and what it was asked. */
let answers: { status: number; type: string; body: string }[];
let asked: string[];
let server: Server;
let client: CairnClient;

beforeEach(async () => {
  answers = [];
  asked = [];
  server = createServer(async (request, response) => {
    asked.push(`${request.method} ${request.url} ${await textOf(request)}`.trim());
    const { status, type, body } = answers.shift()!;
    response.writeHead(status, { 'Content-Type': type }).end(body);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  client = new CairnClient(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

test('shows its key to the API and to nobody else', async () => {
  const keys: (string | undefined)[] = [];
  const note = (request: IncomingMessage, response: ServerResponse) => {
    keys.push(request.headers.authorization);
    response.end('{}');
  };
  const [api, elsewhere] = [createServer(note), createServer(note)];
  for (const each of [api, elsewhere]) await once(each.listen(0, '127.0.0.1'), 'listening');
  const urlOf = (each: Server) => `http://127.0.0.1:${(each.address() as AddressInfo).port}`;
  const keyed = new CairnClient(urlOf(api), { apiKey: 'cairn_secret' });
  await keyed.download(`${urlOf(api)}/v1/samples/smp_1/grid.png`);
  await keyed.download(`${urlOf(elsewhere)}/grid.png`);
  expect(keys).toEqual(['Bearer cairn_secret', undefined]);
  for (const each of [api, elsewhere]) each.closeAllConnections();
  for (const each of [api, elsewhere]) each.close();
});

describe('CairnClient', () => {
  test('sends the request as it is', async () => {
    answer({ id: 'smp_1', status: 'queued' });
    expect(await client.createSample({ model: 'mnist-32', class: 3 })).toMatchObject({ id: 'smp_1' });
    expect(asked).toEqual(['POST /v1/samples {"model":"mnist-32","class":3}']);
  });

  test('looks again until the sample is over, and shows every answer', async () => {
    for (const status of ['queued', 'running', 'retrying', 'failed']) answer({ id: 'smp_1', status });
    const seen: string[] = [];
    const onUpdate = (sample: SampleResponse) => seen.push(sample.status);
    expect(await client.waitForSample('smp_1', { interval: 1, onUpdate })).toMatchObject({
      status: 'failed',
    });
    expect(seen).toEqual(['queued', 'running', 'retrying', 'failed']);
  });

  test('stops looking when its signal fires', async () => {
    const controller = new AbortController();
    answer({ id: 'smp_1', status: 'running' });
    const onUpdate = () => setTimeout(() => controller.abort(), 10);
    await expect(
      client.waitForSample('smp_1', { interval: 60_000, onUpdate, signal: controller.signal }),
    ).rejects.toThrow(expect.objectContaining({ name: 'AbortError' }));
    expect(asked).toHaveLength(1);
  });

  test('cancels', async () => {
    answer({ id: 'smp_1', status: 'canceled' });
    await client.cancelSample('smp_1');
    expect(asked).toEqual(['POST /v1/samples/smp_1/cancel']);
  });

  test('throws the problem that the API names', async () => {
    const problem = {
      type: '/problems/unknown-sample',
      title: 'x',
      status: 404,
      detail: 'no sample "smp_1"',
    };
    answer(problem, 404, 'application/problem+json');
    const error = await client.readSample('smp_1').catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(CairnError);
    expect(error).toMatchObject({ status: 404, message: 'no sample "smp_1"', problem });
  });

  test('throws the status of an error page that is not from the API', async () => {
    answers.push({ status: 502, type: 'text/html', body: '<h1>Bad gateway</h1>' });
    const { port } = server.address() as AddressInfo;
    const once = new CairnClient(`http://127.0.0.1:${port}`, { retries: 0 });
    await expect(once.readSample('smp_1')).rejects.toMatchObject({ status: 502, problem: null });
  });

  test('downloads bytes', async () => {
    answers.push({ status: 200, type: 'image/png', body: '\u0001\u0002' });
    const { port } = server.address() as AddressInfo;
    expect(await client.download(`http://127.0.0.1:${port}/grid.png`)).toEqual(new Uint8Array([1, 2]));
  });
});

function answer(body: object, status = 200, type = 'application/json'): void {
  answers.push({ status, type, body: JSON.stringify(body) });
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}
