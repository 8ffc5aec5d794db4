import { describe, expect, test } from 'vitest';
import { readFleet, readPrecision } from '../../../src/inference/fleet/configuration.ts';

const remote = { INFERENCE_BACKEND: 'remote' };

function listed(list: unknown, more: object = {}) {
  return { ...remote, INFERENCE_BACKENDS: typeof list === 'string' ? list : JSON.stringify(list), ...more };
}

const GPU_1 = { name: 'gpu-1', url: 'https://gpu-1.example.com' };
const GPU_2 = {
  name: 'gpu-2',
  url: 'http://10.0.0.2:8000',
  weight: 4,
  models: ['mnist-32'],
  fp16: false,
  timeout_ms: 500,
};

describe('a fleet', () => {
  test('is a list, and what it does not say has defaults', () => {
    expect(readFleet(listed([GPU_1, GPU_2], { INFERENCE_TIMEOUT_MS: '9000' }))).toEqual([
      { ...GPU_1, weight: 1, models: null, fp16: true, timeoutMs: 9_000 },
      {
        name: 'gpu-2',
        url: 'http://10.0.0.2:8000',
        weight: 4,
        models: ['mnist-32'],
        fp16: false,
        timeoutMs: 500,
      },
    ]);
  });

  test('has its tokens in a secret of their own; the others get the common one', () => {
    const tokens = { INFERENCE_TOKENS: '{"gpu-2":"two"}', INFERENCE_TOKEN: 'common' };
    expect(readFleet(listed([GPU_1, GPU_2], tokens)).map(({ token }) => token)).toEqual(['common', 'two']);
    const none = readFleet(listed([GPU_1, GPU_2], { INFERENCE_TOKENS: '{"gpu-2":"two"}' }));
    expect(none.map(({ token }) => token)).toEqual([undefined, 'two']);
  });

  test('of one server needs a URL alone', () => {
    expect(readFleet({ ...remote, INFERENCE_URL: 'http://gpu:8000', INFERENCE_TOKEN: 't' })).toEqual([
      {
        name: 'inference-server',
        url: 'http://gpu:8000',
        token: 't',
        weight: 1,
        models: null,
        fp16: true,
        timeoutMs: 30_000,
      },
    ]);
  });
});

describe('a mistake is named by its place', () => {
  test.each<[string, object, RegExp]>([
    ['nothing', remote, /^INFERENCE_URL is undefined, expected the http\(s\) URL/],
    ['no list', listed('{}'), /^INFERENCE_BACKENDS: .*expected array/],
    ['no JSON', listed('gpu-1'), /^INFERENCE_BACKENDS is not JSON$/],
    ['an empty list', listed([]), /^INFERENCE_BACKENDS: expected at least one backend$/],
    ['a name twice', listed([GPU_1, GPU_1]), /^INFERENCE_BACKENDS: \[1\]\.name: "gpu-1" is there twice$/],
    ['no name', listed([{ url: GPU_1.url }]), /\[0\]\.name: /],
    ['a typo', listed([{ ...GPU_1, wieght: 2 }]), /\[0\]: .*"wieght"/],
    ['no weight', listed([{ ...GPU_1, weight: 0 }]), /\[0\]\.weight: /],
    ['a file', listed([{ ...GPU_1, url: 'file:///gpu' }]), /\[0\]\.url: expected an http\(s\) URL/],
    [
      'credentials in a URL',
      listed([{ ...GPU_1, url: 'http://me:pw@gpu' }]),
      /\[0\]\.url: .*without credentials/,
    ],
    ['no models', listed([{ ...GPU_1, models: [] }]), /\[0\]\.models: /],
    ['both forms', listed([GPU_1], { INFERENCE_URL: 'http://gpu' }), /are both set/],
    [
      'a token for nobody',
      listed([GPU_1], { INFERENCE_TOKENS: '{"gpu-9":"nine"}' }),
      /^INFERENCE_TOKENS has a token for "gpu-9", expected only gpu-1$/,
    ],
    [
      'tokens without a list',
      { ...remote, INFERENCE_URL: 'http://gpu', INFERENCE_TOKENS: '{}' },
      /which is not set/,
    ],
    [
      'a token that is none',
      listed([GPU_1], { INFERENCE_TOKENS: '{"gpu-1":7}' }),
      /INFERENCE_TOKENS: gpu-1: /,
    ],
  ])('%s', (_, env, reason) => {
    expect(() => readFleet(env as Parameters<typeof readFleet>[0])).toThrow(reason);
  });

  test('and never by a secret', () => {
    const broken = listed([GPU_1], { INFERENCE_TOKENS: 'top-secret' });
    expect(() => readFleet(broken)).toThrow(/^INFERENCE_TOKENS is not JSON$/);
  });
});

describe('the precision of a job', () => {
  test.each([
    [{ INFERENCE_BACKEND: 'remote' }, 'fp32'],
    [{ INFERENCE_BACKEND: 'remote', INFERENCE_PRECISION: 'fp16' }, 'fp16'],
    [{ INFERENCE_BACKEND: 'embedded', INFERENCE_PRECISION: 'fp16' }, 'fp32'],
  ] as const)('with %j is %s', (env, precision) => {
    expect(readPrecision(env)).toBe(precision);
  });

  test('is no other', () => {
    const env = { INFERENCE_BACKEND: 'remote', INFERENCE_PRECISION: 'bf16' };
    expect(() => readPrecision(env)).toThrow(/INFERENCE_PRECISION is "bf16", expected "fp32" or "fp16"/);
  });
});
