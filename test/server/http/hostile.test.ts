/** Clients that are slow, broken or malicious, over plain sockets. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { type DoubleOptions, serveDouble } from '../serve-double.ts';

const MIB = 1024 * 1024;
/** Longer than a machine that runs all tests at once may let this process wait for its turn. */
const LIMITS = {
  ...{ headTimeoutMs: 1000, bodyTimeoutMs: 3000, stallTimeoutMs: 1000, maxConnections: 20 },
};

type Double = Awaited<ReturnType<typeof serveDouble>>;
let double: Double;
const sockets: Socket[] = [];

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await double.listener.close(0);
});

async function serve(
  answer: Parameters<typeof serveDouble>[0] = async () => 1,
  { limits, ...options }: DoubleOptions = {},
): Promise<Double> {
  double = await serveDouble(answer, { ...options, limits: { ...LIMITS, ...limits } });
  return double;
}

async function open(): Promise<Socket> {
  const socket = connect(double.port, '127.0.0.1');
  socket.on('error', () => {});
  sockets.push(socket);
  await once(socket, 'connect');
  return socket;
}

/** All that comes until the server closes; what this side may then still have written fails, and is nobody's loss. */
async function readAll(socket: Socket): Promise<string> {
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk;
  });
  await new Promise((resolve) => socket.once('close', resolve));
  return text;
}

const BODY = '{"inputs":[{"name":"x","datatype":"FP32","shape":[1],"data":[1]}]}';
const head = (length: number, more = '') =>
  `POST /v2/models/m/infer HTTP/1.1\r\nHost: x\r\nContent-Length: ${length}\r\n${more}\r\n`;
const request = (more = '') => head(BODY.length, more) + BODY;

/** The server is as before: it answers, and holds nothing. */
async function isWell(): Promise<void> {
  await expect.poll(() => [double.budget.held, double.inFlight.count]).toEqual([0, 0]);
  expect((await double.post()).status).toBe(200);
}

describe('a client that is too slow', () => {
  test('with its head is answered 408 and cut', async () => {
    await serve();
    const silent = await open();
    const dripping = await open();
    const drip = setInterval(() => dripping.write('X'), 50);
    dripping.write('GET /v2 HTTP/1.1\r\nX-');
    const [, answer] = await Promise.all([readAll(silent), readAll(dripping)]);
    clearInterval(drip);
    expect(answer).toMatch(/^HTTP\/1.1 408 .*{"error":"the request did not arrive in time"}$/s);
    await isWell();
  });

  test('with its body, byte after byte, is cut when the time for a request is over', async () => {
    await serve(undefined, { limits: { bodyTimeoutMs: 600 } });
    const socket = await open();
    socket.write(head(1000));
    const drip = setInterval(() => socket.write(' '), 50);
    const answer = await readAll(socket);
    clearInterval(drip);
    expect(answer).toMatch(/^HTTP\/1.1 408 /);
    await isWell();
  });

  test('and stops in the middle of its body is answered 408 long before that', async () => {
    await serve(undefined, { limits: { bodyTimeoutMs: 60_000 } });
    const socket = await open();
    socket.write(head(1000) + BODY);
    expect(await readAll(socket)).toMatch(/^HTTP\/1.1 408 .*no byte of the body came for 1 s/s);
    await isWell();
  });

  test('and never reads its answer is cut, and the answer is not kept', async () => {
    await serve(undefined, { answerSize: 8 * MIB, limits: { bodyTimeoutMs: 600 } });
    const socket = await open();
    socket.pause();
    const json = BODY.replace('}]}', '}],"parameters":{"binary_data_output":true}}');
    socket.write(head(json.length) + json);
    await expect.poll(() => double.budget.held).toBeGreaterThan(8 * MIB);
    await expect.poll(() => double.entries.length, { timeout: 3000 }).toBe(1);
    expect(double.entries[0]).toMatchObject({ status: 499, reason: 'gone' });
    await expect.poll(() => double.budget.held).toBe(0);
  });
});

describe('a client that breaks off', () => {
  const waiting = () => {
    const started = Promise.withResolvers<void>();
    const dropped = Promise.withResolvers<void>();
    const answer = ({ signal }: { signal: AbortSignal }) => {
      started.resolve();
      signal.addEventListener('abort', () => dropped.resolve());
      return new Promise<number>((_, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason));
      });
    };
    return { answer, started: started.promise, dropped: dropped.promise };
  };

  test.each<[string, (socket: Socket) => void]>([
    ['with RST', (socket) => socket.resetAndDestroy()],
    ['with FIN', (socket) => socket.destroy()],
    ['for one direction', (socket) => socket.end()],
  ])('%s takes its step out of the queue', async (_, breakOff) => {
    const { answer, started, dropped } = waiting();
    await serve(answer);
    const socket = await open();
    socket.write(request());
    await started;
    breakOff(socket);
    await dropped;
    await expect.poll(() => double.entries.at(-1)).toMatchObject({ status: 499, reason: 'gone' });
    await expect.poll(() => [double.budget.held, double.inFlight.count]).toEqual([0, 0]);
  });

  test('in the middle of its body leaves nothing behind', async () => {
    await serve(undefined, { limits: { bodyTimeoutMs: 60_000, stallTimeoutMs: 60_000 } });
    for (const length of [0, 1, 10, BODY.length - 1]) {
      const socket = await open();
      socket.write(head(BODY.length) + BODY.slice(0, length));
      await expect.poll(() => double.budget.held).toBe(length);
      socket.resetAndDestroy();
      await expect.poll(() => double.budget.held).toBe(0);
    }
    await isWell();
  });
});

describe('a body', () => {
  test('that is declared too large is refused before it comes', async () => {
    await serve(undefined, { limits: { maxBodyBytes: 1000 } });
    const socket = await open();
    socket.write(head(1001));
    expect(await readAll(socket)).toMatch(/^HTTP\/1.1 413 .*the body has more than 1000 bytes/s);
    await isWell();
  });

  test('that grows too large piece by piece is refused where it does', async () => {
    await serve(undefined, { limits: { maxBodyBytes: 1000 } });
    const socket = await open();
    socket.write('POST /v2/models/m/infer HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n');
    const piece = `100\r\n${'x'.repeat(256)}\r\n`;
    const drip = setInterval(() => socket.write(piece), 5);
    const answer = await readAll(socket);
    clearInterval(drip);
    expect(answer).toMatch(/^HTTP\/1.1 413 /);
    await isWell();
  });

  test('larger than anything the model could take is refused whatever the limit', async () => {
    await serve(undefined, { maxBatchSize: 2 });
    const socket = await open();
    socket.write(head(10 * MIB));
    expect(await readAll(socket)).toMatch(/^HTTP\/1.1 413 .*the body has more than 65600 bytes/s);
    await isWell();
  });

  test('in chunks of any size arrives as it was', async () => {
    await serve(undefined, { maxBatchSize: 100_000 });
    const data = JSON.stringify(Array.from({ length: 50_000 }, (_, i) => i));
    const json = `{"inputs":[{"name":"x","datatype":"FP32","shape":[50000],"data":${data}}]}`;
    const pieces = json.match(/.{1,9973}/gs)!;
    const stream = ReadableStream.from(pieces.map((piece) => new TextEncoder().encode(piece)));
    const init = { method: 'POST', body: stream, duplex: 'half' as const };
    expect((await fetch(`${double.url}/v2/models/m/infer`, init)).status).toBe(200);
    await isWell();
  });

  test('shorter than declared never runs; longer, the rest is no request', async () => {
    let runs = 0;
    await serve(async () => ++runs);
    const short = await open();
    short.write(head(BODY.length + 1) + BODY);
    expect(await readAll(short)).toMatch(/^HTTP\/1.1 408 /);
    expect(runs).toBe(0);

    const long = await open();
    long.write(head(BODY.length) + BODY + BODY);
    expect(await readAll(long)).toMatch(/^(HTTP\/1.1 200 .*)?(HTTP\/1.1 400 .*)?$/s);
    expect(runs).toBeLessThanOrEqual(1);
    await isWell();
  });

  test('of all clients together is held within the budget; the one too many is told to come again', async () => {
    const gate = Promise.withResolvers<number>();
    await serve(() => gate.promise, { maxBatchSize: 100_000, limits: { maxBytesInFlight: 100_000 } });
    const first = await open();
    first.write(head(80_000, 'Connection: close\r\n') + ' '.repeat(80_000 - BODY.length) + BODY);
    await expect.poll(() => double.budget.held).toBe(80_000);
    const second = await open();
    second.write(head(80_000, 'Connection: close\r\n') + ' '.repeat(80_000 - BODY.length) + BODY);
    expect(await readAll(second)).toMatch(/^HTTP\/1.1 503 .*retry-after: 1\r\n.*more than 100000 bytes/is);
    expect(double.budget.held).toBe(80_000);
    gate.resolve(1);
    expect(await readAll(first)).toMatch(/^HTTP\/1.1 200 /);
    await isWell();
  });
});

describe('what is no request', () => {
  test.each<[string, string, RegExp]>([
    ['rubbish', '\u0000\u0001\u0002 what?\r\n\r\n', /^HTTP\/1.1 400 .*{"error":"this is no HTTP request"}$/s],
    ['another protocol', '\u0016\u0003\u0001\u0002\u0000\u0001\u0000\u0001\u00fc', /^HTTP\/1.1 400 /],
    ['two lengths', head(10, 'Content-Length: 20\r\n'), /^HTTP\/1.1 400 /],
    ['a length and chunks', head(10, 'Transfer-Encoding: chunked\r\n'), /^HTTP\/1.1 400 /],
    ['a negative length', head(-1), /^HTTP\/1.1 400 /],
    ['no host', 'GET /v2 HTTP/1.1\r\n\r\n', /^HTTP\/1.1 400 /],
    ['a huge head', `GET /v2 HTTP/1.1\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`, /^HTTP\/1.1 431 /],
    [
      'a path of escapes',
      'GET /v2/models/%ff%fe/ready HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
      / 404 /,
    ],
    [
      'a header length of rubbish',
      request('Inference-Header-Content-Length: 1e1\r\nConnection: close\r\n'),
      / 400 /,
    ],
    [
      'a header length of miles',
      request('Inference-Header-Content-Length: 999999\r\nConnection: close\r\n'),
      / 400 /,
    ],
  ])('%s is answered as such', async (_, bytes, answer) => {
    await serve();
    const socket = await open();
    socket.write(Buffer.from(bytes, 'latin1'));
    expect(await readAll(socket)).toMatch(answer);
    await isWell();
  });

  test('behind a request that still runs cuts the connection, and gives it no wrong answer', async () => {
    const started = Promise.withResolvers<void>();
    await serve(({ signal }) => {
      started.resolve();
      return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    });
    const socket = await open();
    socket.write(`${request()}rubbish\r\n\r\n`);
    await started.promise;
    expect(await readAll(socket)).toBe('');
    await expect.poll(() => double.inFlight.count).toBe(0);
  });
});

describe('connections', () => {
  test('past the limit are turned away, and the ones there go on', async () => {
    await serve(undefined, { limits: { maxConnections: 2, headTimeoutMs: 5000 } });
    const kept = await open();
    await open();
    await expect.poll(() => double.listener.connections).toBe(2);
    const tooMany = connect(double.port, '127.0.0.1');
    sockets.push(tooMany);
    tooMany.on('error', () => {});
    await once(tooMany, 'close');
    kept.write('GET /v2/health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    expect(await readAll(kept)).toMatch(/^HTTP\/1.1 200 /);
    expect(await double.metrics.text()).toContain('cairn_refused_connections_total 1');
  });

  test('that idle after a request are closed', async () => {
    await serve(undefined, { limits: { keepAliveTimeoutMs: 200 } });
    const socket = await open();
    socket.write('GET /v2/health/live HTTP/1.1\r\nHost: x\r\n\r\n');
    expect(await readAll(socket)).toMatch(/^HTTP\/1.1 200 /);
  });

  test('may carry requests one behind the other, answered in their order', async () => {
    let runs = 0;
    await serve(async () => {
      const value = ++runs;
      // The first takes longest.
      await delay(value === 1 ? 100 : 0);
      return value;
    });
    const socket = await open();
    socket.write(request() + request() + request('Connection: close\r\n'));
    const answers = (await readAll(socket)).matchAll(/"data":\[(\d)\]/g);
    expect([...answers].map(([, value]) => value)).toEqual(['1', '2', '3']);
    await isWell();
  });

  test('of a hundred clients that all do something wrong leave a server that works', async () => {
    await serve(undefined, { limits: { maxConnections: 200 } });
    const deeds: ((socket: Socket) => void)[] = [
      (socket) => socket.resetAndDestroy(),
      (socket) => socket.write('GET / HT'),
      (socket) => socket.write(head(5000) + BODY),
      (socket) => socket.end(request()),
      (socket) => socket.write(Buffer.alloc(5000, 0xff)),
      (socket) => {
        socket.write(request());
        socket.resetAndDestroy();
      },
    ];
    const all = await Promise.all(Array.from({ length: 102 }, open));
    for (const [i, socket] of all.entries()) deeds[i % deeds.length]!(socket);
    await delay(100);
    expect((await double.post()).status).toBe(200);
    await expect.poll(() => double.listener.connections, { timeout: 5000 }).toBeLessThanOrEqual(1);
    await isWell();
  });
});
