import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { BackendError, type EvaluationRequest } from '../../src/inference/backend.ts';
import { RemoteBackend } from '../../src/inference/remote/remote-backend.ts';
import { modelDigest } from '../../src/models/manifest.ts';
import { parseRetryAfter } from '../../src/retry-after.ts';
import { tinyManifest } from '../server/tiny-model.ts';

const MANIFEST = tinyManifest({ id: 'tiny' }, new Uint8Array(1), new Uint8Array(1));
const TIMEOUT_MS = 1_000;

type Handler = (res: ServerResponse, req: IncomingMessage, body: Buffer) => void;

let server: Server;
let backend: RemoteBackend;
let handler: Handler;
/** What answers questions about models; without it the server has nothing to say. */
let status: Handler;
/** Such questions so far. */
let statusAsked: string[];
/** What the server was asked last. */
let asked: { url: string; headers: IncomingMessage['headers']; body: Buffer } | undefined;

// A server of its own for each test: none finds a connection that an earlier one left behind.
beforeEach(async () => {
  asked = undefined;
  status = (res) => void res.writeHead(404).end();
  statusAsked = [];
  server = createServer(async (req, res) => {
    const chunks: Buffer[] = [];
    for await (const chunk of req) chunks.push(chunk as Buffer);
    if (req.method === 'GET') {
      statusAsked.push(req.url!);
      return status(res, req, Buffer.alloc(0));
    }
    asked = { url: req.url!, headers: req.headers, body: Buffer.concat(chunks) };
    handler(res, req, asked.body);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  backend = connect(`http://127.0.0.1:${port}`);
});

afterEach(() => {
  server.closeAllConnections();
  server.close();
});

function connect(url: string, options: { fp16?: boolean } = {}): RemoteBackend {
  const findModel = (id: string) => (id === MANIFEST.id ? MANIFEST : null);
  return new RemoteBackend({ url, token: 'secret', timeoutMs: TIMEOUT_MS, findModel, ...options });
}

const unguided: EvaluationRequest = {
  model: 'tiny',
  shape: [1, 2, 2, 3],
  x: Float32Array.from({ length: 12 }, (_, i) => i),
  timestep: Float32Array.of(7),
};
const guided: EvaluationRequest = { ...unguided, target: Float32Array.of(0, 1, 0) };

interface Output {
  name: string;
  shape: number[];
  values: number[];
  datatype?: string;
}

const OUTPUT: Output = {
  name: 'output',
  shape: [1, 4, 2, 3],
  values: Array.from({ length: 24 }, (_, i) => i / 2),
};
const GRADIENT: Output = {
  name: 'gradient',
  shape: [1, 2, 2, 3],
  values: Array.from({ length: 12 }, (_, i) => -i),
};

/** Answers as the protocol's text says, with binary tensors. */
function answer(
  outputs: Output[],
  model = 'tiny',
  parameters?: object,
): { headers: Record<string, string>; body: Buffer } {
  const blobs = outputs.map(({ values, datatype }) =>
    Buffer.from((datatype === 'FP16' ? Float16Array.from(values) : Float32Array.from(values)).buffer),
  );
  const json = Buffer.from(
    JSON.stringify({
      model_name: model,
      parameters,
      outputs: outputs.map(({ name, shape, datatype = 'FP32' }, i) => ({
        ...{ name, shape, datatype },
        parameters: { binary_data_size: blobs[i]!.length },
      })),
    }),
  );
  return {
    headers: { 'Inference-Header-Content-Length': String(json.length) },
    body: Buffer.concat([json, ...blobs]),
  };
}

function respond(outputs: Output[], model?: string, parameters?: object): Handler {
  const { headers, body } = answer(outputs, model, parameters);
  return (res) => void res.writeHead(200, headers).end(body);
}

/** The JSON part of what the server was asked last. */
function askedJson(): { inputs: { name: string; datatype: string }[]; outputs: object[] } {
  const length = Number(asked?.headers['inference-header-content-length']);
  return JSON.parse(asked!.body.subarray(0, length).toString());
}

async function failure(request = unguided, options = {}): Promise<BackendError> {
  const error = await backend.evaluate(request, options).then(
    () => 'no error',
    (reason: unknown) => reason,
  );
  if (!(error instanceof BackendError)) throw new Error(`expected a BackendError, got ${error}`);
  return error;
}

describe('a good answer', () => {
  test('to an unguided step comes from the U-Net alone', async () => {
    handler = respond([OUTPUT]);
    expect(await backend.evaluate(unguided)).toEqual({
      modelOutput: Float32Array.from(OUTPUT.values),
      gradient: null,
      wire: { sent: expect.any(Number), received: expect.any(Number) },
    });
    expect(asked?.url).toBe('/v2/models/tiny/infer');
  });

  test('to a guided step comes from one call that asks for output and gradient alone', async () => {
    handler = respond([GRADIENT, OUTPUT], 'tiny-guided');
    expect(await backend.evaluate(guided)).toEqual({
      modelOutput: Float32Array.from(OUTPUT.values),
      gradient: Float32Array.from(GRADIENT.values),
      wire: { sent: expect.any(Number), received: expect.any(Number) },
    });
    expect(asked?.url).toBe('/v2/models/tiny-guided/infer');
    expect(asked?.headers.authorization).toBe('Bearer secret');
    const length = Number(asked?.headers['inference-header-content-length']);
    const json = askedJson();
    const input = (name: string, shape: number[], size: number) => ({
      ...{ name, shape, datatype: 'FP32' },
      parameters: { binary_data_size: size },
    });
    expect(json).toEqual({
      parameters: { timeout: 1000 * TIMEOUT_MS },
      inputs: [input('x', [1, 2, 2, 3], 48), input('timestep', [1], 4), input('target', [1, 3], 12)],
      outputs: [
        { name: 'output', parameters: { binary_data: true } },
        { name: 'gradient', parameters: { binary_data: true } },
      ],
    });
    expect(asked!.body.length).toBe(length + 48 + 4 + 12);
    expect(asked!.body.readFloatLE(length + 48)).toBe(7);
  });

  test('has the owner, the priority and whether bits matter as parameters of its request', async () => {
    handler = respond([OUTPUT]);
    await backend.evaluate({ ...unguided, exact: true }, { owner: 'smp_1', priority: 50 });
    const parameters = { timeout: 1000 * TIMEOUT_MS, owner: 'smp_1', priority: 50, exact: true };
    expect(askedJson()).toMatchObject({ parameters });
  });

  test('may come as JSON from a server without the binary extension', async () => {
    const { values, ...head } = OUTPUT;
    const json = { model_name: 'tiny', outputs: [{ ...head, datatype: 'FP32', data: values }] };
    handler = (res) => void res.end(JSON.stringify(json));
    expect((await backend.evaluate(unguided)).modelOutput).toEqual(Float32Array.from(values));
  });
});

describe('a server that', () => {
  test('is down is unavailable', async () => {
    const closed = createServer().listen(0, '127.0.0.1');
    await once(closed, 'listening');
    const { port } = closed.address() as AddressInfo;
    closed.close();
    backend = connect(`http://127.0.0.1:${port}`);
    const error = await failure();
    expect([error.kind, error.retryable]).toEqual(['unavailable', true]);
    expect(error.message).toBe('POST /v2/models/tiny/infer: the connection failed');
    expect(error.detail).toMatch(/^POST http:.*\/infer: .*ECONNREFUSED/);
  });

  test('resets the connection is unavailable', async () => {
    handler = (res) => void res.destroy();
    expect((await failure()).kind).toBe('unavailable');
  });

  test('does not answer is a timeout', async () => {
    handler = () => {};
    const error = await failure();
    expect([error.kind, error.retryable]).toEqual(['timeout', true]);
    expect(error.message).toMatch(new RegExp(`no answer within ${TIMEOUT_MS} ms`));
  });

  test('stalls in the middle of the body is a timeout', async () => {
    const { headers, body } = answer([OUTPUT]);
    handler = (res) => void res.writeHead(200, headers).write(body.subarray(0, 40));
    expect((await failure()).kind).toBe('timeout');
  });

  test('stalls in the middle of an error is a timeout', async () => {
    handler = (res) => void res.writeHead(500).write('{"err');
    expect(await failure()).toMatchObject({ kind: 'timeout' });
  });

  test('breaks off in the middle of the body is unavailable', async () => {
    const { headers, body } = answer([OUTPUT]);
    handler = (res) => {
      res.writeHead(200, { ...headers, 'Content-Length': String(body.length) });
      res.write(body.subarray(0, 40), () => res.destroy());
    };
    expect((await failure()).kind).toBe('unavailable');
  });

  test.each([
    [503, 'unavailable', true],
    [500, 'unavailable', true],
    [429, 'unavailable', true],
    [408, 'timeout', true],
    [404, 'unknown_model', false],
    [400, 'rejected', false],
    [401, 'unauthorized', false],
    [403, 'unauthorized', false],
    [413, 'rejected', false],
  ] as const)('answers %d is %s', async (status, kind, retryable) => {
    handler = (res) => void res.writeHead(status).end(JSON.stringify({ error: 'the reason' }));
    const error = await failure();
    expect([error.kind, error.retryable]).toEqual([kind, retryable]);
    expect(error.message).toMatch(new RegExp(`: ${status} the reason$`));
  });

  test('redirects is refused, and the token goes nowhere', async () => {
    handler = (res) => void res.writeHead(302, { Location: '/elsewhere' }).end();
    expect((await failure()).kind).toBe('rejected');
    expect(asked?.url).toBe('/v2/models/tiny/infer');
  });

  test('asks for patience is heard', async () => {
    handler = (res) => void res.writeHead(503, { 'Retry-After': '7' }).end('no JSON');
    const error = await failure();
    expect([error.retryAfter, error.message]).toEqual([
      7,
      expect.stringMatching(/: 503 Service Unavailable$/),
    ]);
    expect(error.detail).toMatch(/: 503 no JSON$/);
  });

  test('answers an endless error page is cut off', async () => {
    handler = (res) => {
      res.writeHead(500);
      const page = Buffer.alloc(65_536, 'x');
      const more = () => void res.write(page, (error) => error ?? more());
      more();
    };
    const error = await failure();
    expect(error.kind).toBe('unavailable');
    expect(error.message.length).toBeLessThan(5000);
  });

  test.each<[string, Handler, RegExp]>([
    ['is of another model', respond([OUTPUT], 'other'), /the answer is from model "other"/],
    ['lacks an output', respond([GRADIENT]), /expected one output "output", got "gradient"/],
    ['has no output', respond([]), /expected one output "output", got none/],
    ['has an output twice', respond([OUTPUT, OUTPUT]), /"output" is there twice/],
    ['has another datatype', respond([{ ...OUTPUT, datatype: 'INT32' }]), /"output" is INT32, expected FP32/],
    [
      'has the channels of fixed variance',
      respond([{ ...OUTPUT, shape: [1, 2, 2, 3], values: GRADIENT.values }]),
      /shape \[1,2,2,3\], expected \[1,4,2,3\]/,
    ],
    ['has a transposed shape', respond([{ ...OUTPUT, shape: [1, 4, 3, 2] }]), /shape \[1,4,3,2\], expected/],
    [
      'lacks bytes',
      respond([{ ...OUTPUT, values: OUTPUT.values.slice(1) }]),
      /binary_data_size is 92 but FP32 \[1,4,2,3\] takes 96/,
    ],
    [
      'has NaN',
      respond([{ ...OUTPUT, values: OUTPUT.values.with(9, Number.NaN) }]),
      /"output" is NaN at \[0,1,1,0\] of \[1,4,2,3\]/,
    ],
    [
      'has -Infinity',
      respond([{ ...OUTPUT, values: OUTPUT.values.with(23, Number.NEGATIVE_INFINITY) }]),
      /"output" is -Infinity at \[0,3,1,2\]/,
    ],
    ['is no JSON', (res) => void res.end('<html>'), /the JSON part can't be read/],
    ['is empty', (res) => void res.end(), /the JSON part can't be read/],
    [
      'has a wrong header length',
      (res) => void res.writeHead(200, { 'Inference-Header-Content-Length': '5' }).end(answer([OUTPUT]).body),
      /the JSON part can't be read/,
    ],
    [
      'declares too much',
      (res) => void res.writeHead(200, { 'Content-Length': '10000000' }).write('{'),
      /the body has 10000000 bytes, expected at most/,
    ],
    [
      'never ends',
      (res) => void res.write(Buffer.alloc(1_000_000, ' ')),
      /the body has more than the expected \d+ bytes/,
    ],
    [
      'is short but unpacks to more',
      (res) => {
        const body = gzipSync(Buffer.alloc(1_000_000, ' '));
        res.writeHead(200, { 'Content-Encoding': 'gzip', 'Content-Length': body.length }).end(body);
      },
      /the body has more than the expected \d+ bytes/,
    ],
    [
      'is cut off before its last blob',
      (res) => {
        const { headers, body } = answer([OUTPUT]);
        res.writeHead(200, headers).end(body.subarray(0, -1));
      },
      /binary_data_size is 96 but only 95 bytes of the body are left/,
    ],
  ])('answers with a body that %s is invalid', async (_, misbehaviour, reason) => {
    handler = misbehaviour;
    const error = await failure();
    expect([error.kind, error.retryable]).toEqual(['invalid_response', true]);
    expect(error.message).toMatch(reason);
    expect(error.message).toMatch(/^POST \/v2\/models\/tiny\/infer: /);
  });

  test('answers a guided step with NaN in the gradient is invalid', async () => {
    handler = respond([OUTPUT, { ...GRADIENT, values: GRADIENT.values.with(0, Number.NaN) }], 'tiny-guided');
    expect((await failure(guided)).message).toMatch(/"gradient" is NaN at \[0,0,0,0\]/);
  });
});

describe('half precision', () => {
  const request: EvaluationRequest = {
    ...unguided,
    x: Float32Array.from({ length: 12 }, (_, i) => (i - 6) / 3),
    precision: 'fp16',
  };
  const values = Array.from({ length: 24 }, (_, i) => (i - 12) / 7);
  const halves = Float32Array.from(values, Math.f16round);

  test('sends x and asks for the outputs as FP16, and gives the answer as float32', async () => {
    const { headers, body } = answer([{ ...OUTPUT, values, datatype: 'FP16' }]);
    handler = (res) => void res.writeHead(200, headers).end(body);
    expect((await backend.evaluate(request)).modelOutput).toEqual(halves);
    expect(askedJson().inputs.map(({ name, datatype }) => [name, datatype])).toEqual([
      ['x', 'FP16'],
      ['timestep', 'FP32'],
    ]);
    expect(askedJson().outputs).toEqual([
      { name: 'output', parameters: { binary_data: true, datatype: 'FP16' } },
    ]);
    const length = Number(asked?.headers['inference-header-content-length']);
    const sent = new Float16Array(new Uint8Array(asked!.body.subarray(length, length + 24)).buffer);
    expect([...sent]).toEqual([...request.x].map(Math.f16round));
  });

  test('is the same bits from a server that speaks FP32 alone', async () => {
    const { port } = server.address() as AddressInfo;
    backend = connect(`http://127.0.0.1:${port}`, { fp16: false });
    handler = respond([{ ...OUTPUT, values }]);
    expect((await backend.evaluate(request)).modelOutput).toEqual(halves);
    const length = Number(asked?.headers['inference-header-content-length']);
    const sent = new Float32Array(new Uint8Array(asked!.body.subarray(length, length + 48)).buffer);
    expect([...sent]).toEqual([...request.x].map(Math.f16round));
    expect(askedJson().outputs).toEqual([{ name: 'output', parameters: { binary_data: true } }]);
  });

  test('that does not hold x, or the answer, is said', async () => {
    const error = await failure({ ...request, x: request.x.with(3, 65_520) });
    expect(error).toMatchObject({
      kind: 'rejected',
      message: expect.stringMatching(/x: got 65520 at index 3/),
    });
    handler = respond([{ ...OUTPUT, values: values.with(0, 1e6) }]);
    expect(await failure(request)).toMatchObject({
      kind: 'invalid_response',
      message: expect.stringMatching(/"output" is Infinity at \[0,0,0,0\]/),
    });
  });

  test('that nobody asked for is no answer', async () => {
    handler = respond([{ ...OUTPUT, datatype: 'FP16' }]);
    expect((await failure()).message).toMatch(/output "output" is FP16, expected FP32/);
  });
});

describe('the digest of the model', () => {
  const digest = modelDigest(MANIFEST);

  test('in the answer is right or the answer is refused, and nothing else is asked', async () => {
    handler = respond([OUTPUT], 'tiny', { digest });
    await backend.evaluate(unguided);
    handler = respond([OUTPUT], 'tiny', { digest: 'sha256:other' });
    const error = await failure();
    expect([error.kind, error.retryable]).toEqual(['wrong_model', true]);
    expect(error.message).toBe(`the server has tiny as "sha256:other", but the job began with "${digest}"`);
    expect(statusAsked).toEqual([]);
  });

  test('is looked up in the metadata once if the answers have none', async () => {
    handler = respond([OUTPUT]);
    status = (res) => void res.end(JSON.stringify({ name: 'tiny', parameters: { digest } }));
    for (let step = 0; step < 3; step++) await backend.evaluate(unguided);
    expect(statusAsked).toEqual(['/v2/models/tiny']);
  });

  test('that the metadata has is held against the job', async () => {
    handler = respond([OUTPUT]);
    status = (res) => void res.end(JSON.stringify({ parameters: { digest: 'sha256:other' } }));
    expect((await failure()).kind).toBe('wrong_model');
  });

  test.each<[string, Handler]>([
    ['no metadata', (res) => void res.writeHead(404).end()],
    ['metadata without a digest', (res) => void res.end('{"name":"tiny"}')],
    ['a page', (res) => void res.end('<html>')],
  ])('is nowhere to be had from a server with %s: the name has to do', async (_, silent) => {
    handler = respond([OUTPUT]);
    status = silent;
    await backend.evaluate(unguided);
    await backend.evaluate(unguided);
    expect(statusAsked).toEqual(['/v2/models/tiny', '/v2/models/tiny/config']);
  });

  test('that can not be looked up now leaves the answer unused', async () => {
    handler = respond([OUTPUT]);
    status = (res) => void res.writeHead(503).end();
    expect(await failure()).toMatchObject({ kind: 'unavailable', retryable: true });
  });
});

describe('the caller', () => {
  test('who gives up gets aborted at once, and the server sees it', async () => {
    const closed = Promise.withResolvers<void>();
    const abort = new AbortController();
    handler = (res) => {
      res.on('close', closed.resolve);
      abort.abort(new Error('cancelled'));
    };
    const error = await failure(unguided, { signal: abort.signal });
    expect([error.kind, error.retryable]).toEqual(['aborted', false]);
    await closed.promise;
  });

  test('who gave up before gets aborted without a call', async () => {
    expect((await failure(unguided, { signal: AbortSignal.abort() })).kind).toBe('aborted');
    expect(asked).toBeUndefined();
  });

  test.each<[string, Partial<EvaluationRequest>, RegExp]>([
    [
      'a wrong image size',
      { shape: [1, 2, 3, 2] },
      /shape: got \[1,2,3,2\], expected \[N, 2, 2, 3\] for tiny/,
    ],
    ['too few values', { x: new Float32Array(11) }, /x: got 11 values, expected 12/],
    ['NaN in x', { x: unguided.x.with(3, Number.NaN) }, /x: got NaN at index 3/],
    ['a timestep per pixel', { timestep: new Float32Array(12) }, /timestep: got 12 values, expected 1/],
    ['an empty batch', { shape: [0, 2, 2, 3] }, /a batch of 0/],
    ['labels for a model without', { label: Int32Array.of(1) }, /label: got labels, expected none/],
    ['a class per image as target', { target: Float32Array.of(1) }, /target: got 1 values, expected 3/],
  ])('with %s is rejected without a call', async (_, mistake, reason) => {
    const error = await failure({ ...unguided, ...mistake });
    expect(error.kind).toBe('rejected');
    expect(error.message).toMatch(reason);
    expect(asked).toBeUndefined();
  });

  test('of a model nobody knows gets unknown_model without a call', async () => {
    expect((await failure({ ...unguided, model: 'nothing' })).kind).toBe('unknown_model');
    expect(asked).toBeUndefined();
  });
});

describe('Retry-After', () => {
  const now = Date.parse('2026-11-22T10:00:00Z');

  test.each<[string | null, number | undefined]>([
    ['120', 120],
    [' 0 ', 0],
    ['Sun, 22 Nov 2026 10:01:30 GMT', 90],
    ['Sunday, 22-Nov-26 10:01:30 GMT', 90],
    ['Sun, 22 Nov 2026 09:00:00 GMT', 0],
    ['-5', undefined],
    ['soon', undefined],
    ['', undefined],
    [null, undefined],
  ])('%j is %s seconds', (value, seconds) => {
    expect(parseRetryAfter(value, now)).toBe(seconds);
  });
});

test('no answer, good or bad, leaves a connection open that the next call would need', async () => {
  const cancelled = vi.fn();
  handler = (res) => {
    res.on('close', () => res.writableFinished || cancelled());
    res.writeHead(500).write(Buffer.alloc(100_000));
  };
  for (let i = 0; i < 10; i++) await failure();
  handler = respond([OUTPUT]);
  await backend.evaluate(unguided);
  await vi.waitFor(() => expect(cancelled).toHaveBeenCalledTimes(10));
});
