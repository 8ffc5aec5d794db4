import { expect, test } from 'vitest';
import { createBackend } from '../../../src/inference/index.ts';

test('INFERENCE_BACKEND chooses the backend', () => {
  expect(createBackend({ INFERENCE_BACKEND: 'embedded' })).toMatchObject({ name: 'embedded', remote: false });
  const remote = {
    INFERENCE_BACKEND: 'remote',
    INFERENCE_URL: 'http://gpu:8000',
    INFERENCE_TIMEOUT_MS: '500',
  };
  expect(createBackend(remote)).toMatchObject({ name: 'remote', remote: true });
});

test.each([
  [{ INFERENCE_BACKEND: 'gpu' }, /INFERENCE_BACKEND is "gpu", expected "embedded" or "remote"/],
  [{ INFERENCE_BACKEND: 'remote' }, /INFERENCE_URL is undefined, expected the http\(s\) URL/],
  [{ INFERENCE_BACKEND: 'remote', INFERENCE_URL: 'gpu:8000' }, /INFERENCE_URL is "gpu:8000"/],
  [
    { INFERENCE_BACKEND: 'remote', INFERENCE_URL: 'http://gpu', INFERENCE_TIMEOUT_MS: '5s' },
    /INFERENCE_TIMEOUT_MS is "5s", expected a positive number of milliseconds/,
  ],
])('%j is refused by the name of the variable', (env, reason) => {
  expect(() => createBackend(env)).toThrow(reason);
});
