/** Hostile bytes straight to the socket that `npm start` listens on, by a seed: the same ones at every run. */
import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type LocalRuntime, startLocalRuntime } from '../../src/cli/local/runtime.ts';
import { CairnClient } from '../../src/client/index.ts';
import { type Attack, attacks } from './raw-socket/hostile-bytes.ts';
import { type Talk, talk } from './raw-socket/talk.ts';

const RUNS = Number(process.env.CAIRN_FUZZ_RUNS ?? 400);
const SEED = Number(process.env.CAIRN_FUZZ_SEED ?? 1);
const AT_ONCE = 16;
/** ms for an answer, or for a connection to be closed, on two busy cores. */
const PATIENCE = 60_000;

/**
 * What the platform says of a request that Cairn never sees: 500 of a Host or a target that is no URL, 501 of a method
 * that it does not know. The rest of what it turns away are 4xx.
 */
const FAULTS_OF_THE_PLATFORM = new Set([500, 501]);

let folder: string;
let cairn: LocalRuntime;
let client: CairnClient;
let place: AddressInfo;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cairn-socket-'));
  // Nothing is drawn here: the backend need not be there.
  const variables = { INFERENCE_BACKEND: 'remote', INFERENCE_URL: 'http://127.0.0.1:9' };
  cairn = await startLocalRuntime({ data: join(folder, 'data'), port: 0, variables, onLog: () => {} });
  client = new CairnClient(cairn.url, { apiKey: cairn.apiKey });
  const { hostname, port } = new URL(cairn.url);
  place = { address: hostname, port: Number(port), family: 'IPv4' };
});
afterAll(async () => {
  await cairn?.stop();
  await rm(folder, { recursive: true, force: true });
});

const sent = (text: string): Promise<Talk> =>
  talk(place, { bytes: Buffer.from(text, 'latin1'), ending: 'fin', dribble: 0 }, PATIENCE);

test(`${RUNS} connections of seed ${SEED} end, none in a fault of ours, and Cairn goes on`, async () => {
  const queue = fc.sample(attacks(cairn.apiKey), { numRuns: RUNS, seed: SEED });
  const seen = { ours: new Set<number>(), platform: new Set<number>() };
  const attack = async (one: Attack) => {
    const { answers, closed } = await talk(place, one, PATIENCE);
    const what = () => `${one.ending}: ${JSON.stringify(one.bytes.toString('latin1').slice(0, 2_000))}`;
    if (one.ending === 'fin' && !closed) throw new Error(`still open after ${what()}`);
    for (const { ours, status, text } of answers) {
      if (ours && status >= 500) throw new Error(`${text}\n\nafter ${what()}`);
      if (status >= 500 && !FAULTS_OF_THE_PLATFORM.has(status)) throw new Error(`${text}\n\nafter ${what()}`);
      seen[ours ? 'ours' : 'platform'].add(status);
    }
  };
  const worker = async () => {
    for (let one = queue.pop(); one !== undefined; one = queue.pop()) {
      await attack(one);
      if (queue.length % 100 === 0) expect((await client.health()).status).toBe('ok');
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  expect((await client.listModels()).length).toBeGreaterThan(0);
  // It was not all turned away at the door.
  for (const status of [200, 400, 401, 404, 422]) expect(seen.ours, String(status)).toContain(status);
}, 400_000);

// A route that reads a body and one that takes none, but makes it part of what an Idempotency-Key stands for.
const REPLAY = '/v1/samples/smp_00000000000000000000000000/replay';
test.each([
  ['/v1/samples', 'a chunk that is none', 'zz\r\n{}\r\n0\r\n\r\n'],
  ['/v1/samples', 'a chunk longer than there can be', 'ffffffffffffffff\r\n{}\r\n'],
  [REPLAY, 'a chunk that is none', 'zz\r\n{}\r\n0\r\n\r\n'],
])('a body at %s with %s is a problem of the caller', async (path, _, chunks) => {
  const key = `Authorization: Bearer ${cairn.apiKey}\r\nIdempotency-Key: one`;
  const head = `POST ${path} HTTP/1.1\r\nHost: x\r\n${key}\r\nContent-Type: application/json`;
  const { answers } = await sent(`${head}\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}`);
  expect(answers).toMatchObject([{ status: 400, ours: true }]);
  expect(answers[0]!.text).toContain('/problems/incomplete-body');
});

test('requests in a row on one connection are answered in a row', async () => {
  const one = 'GET /v1/nowhere HTTP/1.1\r\nHost: x\r\n\r\nGET /health HTTP/1.1\r\nHost: x\r\n\r\n';
  const last = 'GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n';
  const { answers } = await sent(one.repeat(20) + last);
  const statuses = answers.map(({ status }) => status);
  expect(statuses).toEqual([...Array(20).fill([401, 200]).flat(), 200]);
});

test('serves others while hundreds of connections say half of something', async () => {
  const halves = ['GET /hea', 'POST /v1/samples HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{', ''];
  const sockets: Socket[] = [];
  for (let i = 0; i < 300; i++) {
    const socket = connect({ port: place.port, host: place.address });
    socket.on('error', () => {});
    socket.write(halves[i % halves.length]!);
    sockets.push(socket);
  }
  try {
    expect((await client.health({ signal: AbortSignal.timeout(PATIENCE) })).status).toBe('ok');
    expect(await client.listModels({ signal: AbortSignal.timeout(PATIENCE) })).not.toEqual([]);
  } finally {
    for (const socket of sockets) socket.destroy();
  }
  expect((await client.health()).status).toBe('ok');
});
