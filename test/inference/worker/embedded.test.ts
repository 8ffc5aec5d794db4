import { env } from 'cloudflare:workers';
import { expect, test } from 'vitest';
import { embeddedModels } from '../../../src/inference/embedded/models.ts';
import { runGraph } from '../../../src/inference/embedded/session.ts';
import { type BackendError, createBackend, type EvaluationRequest } from '../../../src/inference/index.ts';

const embedded = createBackend({ INFERENCE_BACKEND: 'embedded' });
/** The same graphs in onnxruntime-node, behind the inference server. */
const native = createBackend({ ...env, INFERENCE_BACKEND: 'remote', INFERENCE_TIMEOUT_MS: '30000' });

const PIXELS = 32 * 32;

/** A batch whose images differ, at timesteps all over the process. */
function requestOf(batch: number, guided: boolean, seed = 0): EvaluationRequest {
  const request: EvaluationRequest = {
    model: 'mnist-32',
    shape: [batch, 1, 32, 32],
    x: Float32Array.from({ length: batch * PIXELS }, (_, i) => 1.5 * Math.sin(seed + 0.7 * i + i * i)),
    timestep: Float32Array.from({ length: batch }, (_, i) => (i * 399.5) % 1000),
  };
  if (!guided) return request;
  const target = new Float32Array(batch * 10);
  for (let i = 0; i < batch; i++) target[i * 10 + ((i + seed) % 10)] = 1;
  return { ...request, target };
}

function largestDifference(a: Float32Array | null, b: Float32Array | null): number {
  if (a === null || b === null || a.length !== b.length) throw new Error('not the same size');
  return a.reduce((largest, value, i) => Math.max(largest, Math.abs(value - b[i]!)), 0);
}

async function failure(promise: Promise<unknown>): Promise<BackendError> {
  return promise.then(
    () => expect.fail('no error'),
    (error: BackendError) => error,
  );
}

test.each([1, 3, 10])(
  'a guided batch of %i is what onnxruntime-node makes of it, within 1e-4',
  async (batch) => {
    const request = requestOf(batch, true);
    const [ours, theirs] = [await embedded.evaluate(request), await native.evaluate(request)];
    expect(ours.modelOutput.length).toBe(batch * 2 * PIXELS);
    expect(largestDifference(ours.modelOutput, theirs.modelOutput)).toBeLessThan(1e-4);
    expect(largestDifference(ours.gradient, theirs.gradient)).toBeLessThan(1e-4);
    expect(largestDifference(ours.gradient, new Float32Array(batch * PIXELS))).toBeGreaterThan(1e-3);
  },
);

test('an unguided step has no gradient and the same model output', async () => {
  const { modelOutput, gradient } = await embedded.evaluate(requestOf(2, false));
  expect(gradient).toBeNull();
  expect(modelOutput).toEqual((await embedded.evaluate(requestOf(2, true))).modelOutput);
});

test('evaluations asked for at once give each the bits it gets alone', async () => {
  const requests = [
    requestOf(1, true, 1),
    requestOf(4, false, 2),
    requestOf(2, true, 3),
    requestOf(1, false, 4),
  ];
  const together = await Promise.all(requests.map((request) => embedded.evaluate(request)));
  for (const [i, request] of requests.entries()) {
    expect(together[i]).toEqual(await embedded.evaluate(request));
  }
});

test('between two evaluations the event loop has its turn, so that a cancel is heard', async () => {
  let turns = 0;
  const timer = setInterval(() => turns++, 0);
  for (let i = 0; i < 5; i++) await embedded.evaluate(requestOf(1, false));
  clearInterval(timer);
  expect(turns).toBeGreaterThanOrEqual(4);
});

test('a run holds no lock over a turn of the event loop', async () => {
  // If it needed another turn, a request that ends in between would leave the session locked for every other one of
  // the isolate.
  const { x, timestep, shape } = requestOf(1, false);
  const inputs = { x: { data: x, shape }, timestep: { data: timestep, shape: [1] } };
  const run = () => runGraph(embeddedModels.get('mnist-32')!.diffusion, inputs, ['output']);
  await run();
  let done = false;
  const running = run().then(() => {
    done = true;
  });
  await scheduler.wait(0);
  expect(done).toBe(true);
  await running;
});

test('a caller who has given up gets aborted', async () => {
  const abort = new AbortController();
  const running = failure(embedded.evaluate(requestOf(1, true), { signal: abort.signal }));
  abort.abort(new Error('cancelled'));
  expect((await running).kind).toBe('aborted');
});

test('a model that is not in the Worker is unknown, and a wrong shape is rejected', async () => {
  expect((await failure(embedded.evaluate({ ...requestOf(1, false), model: 'imagenet' }))).kind).toBe(
    'unknown_model',
  );
  const wrong = failure(embedded.evaluate({ ...requestOf(1, false), shape: [1, 1, 28, 28] }));
  expect((await wrong).kind).toBe('rejected');
});
