/** The API as a client sees it, for tests inside workerd. */
import { env, exports } from 'cloudflare:workers';
import { inject } from 'vitest';
import type { ProblemBody } from '../../src/functions/schemas/common.ts';
import type { SampleResponse } from '../../src/functions/schemas/sample-response.ts';
import type { Fault, ProxyReport, Received } from './shared.ts';

/** Made by worker-database.ts before every test file. */
export const API_KEY = 'cairn_test';
export const ACCOUNT = 'acc_tests';
export const ADMIN_TOKEN = 'admin-token-of-the-tests';

const ORIGIN = 'https://cairn.test';

/** With the key of the tests' account, unless the call brings its own. */
export function call(path: string, init?: RequestInit, origin = ORIGIN): Promise<Response> {
  const request = new Request(`${origin}${path}`, init);
  if (!request.headers.has('Authorization')) request.headers.set('Authorization', `Bearer ${API_KEY}`);
  return exports.default.fetch(request);
}

/** Without any key. */
export function callBare(path: string, init?: RequestInit): Promise<Response> {
  return exports.default.fetch(new Request(`${ORIGIN}${path}`, init));
}

export function post(path: string, body: unknown): Promise<Response> {
  return call(path, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  });
}

/** A small job: three digits in eight steps. */
export const SMALL_JOB = { model: 'mnist-32', classes: [3, 1, 4], steps: '8', seed: 7, keep_state: true };

/** @throws with the problem if the request is refused */
export async function createSample(body: unknown = SMALL_JOB): Promise<SampleResponse> {
  const response = await post('/v1/samples', body);
  if (response.status !== 202) throw new Error(`${response.status}: ${await response.text()}`);
  return response.json();
}

export async function problemOf(response: Response): Promise<ProblemBody> {
  return response.json();
}

export async function getSample(id: string): Promise<SampleResponse> {
  const response = await call(`/v1/samples/${id}`);
  if (response.status !== 200) throw new Error(`${response.status}: ${await response.text()}`);
  return response.json();
}

/** Polls until the sample is as wanted. */
export async function waitFor(
  id: string,
  wanted: (sample: SampleResponse) => boolean,
  timeoutMs = 30_000,
): Promise<SampleResponse> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const sample = await getSample(id);
    if (wanted(sample)) return sample;
    if (Date.now() > deadline) throw new Error(`still not as wanted: ${JSON.stringify(sample, null, 1)}`);
    await scheduler.wait(20);
  }
}

export function ended(sample: SampleResponse): boolean {
  return sample.status === 'succeeded' || sample.status === 'failed' || sample.status === 'canceled';
}

export async function bytesOf(path: string): Promise<Uint8Array> {
  const response = await call(path);
  if (response.status !== 200) throw new Error(`${path}: ${response.status}: ${await response.text()}`);
  return new Uint8Array(await response.arrayBuffer());
}

/** Final tensors and PNGs of every image of a finished job that keeps its state, and the grid. */
export async function resultOf(sample: SampleResponse): Promise<Uint8Array[]> {
  const images = sample.images.flatMap(({ index }) => [`images/${index}.png`, `images/${index}.npy`]);
  return Promise.all([...images, 'grid.png'].map((path) => bytesOf(`/v1/samples/${sample.id}/${path}`)));
}

export function jobStub(id: string) {
  return env.JOBS.get(env.JOBS.idFromName(id));
}

export function batchStub(id: string, index = 0) {
  return env.BATCHES.get(env.BATCHES.idFromName(`${id}/${index}`));
}

/** Spoils the next calls to the inference server, after letting some through. */
export async function spoil(plan: SpoilPlan, url?: string): Promise<void> {
  await control({ after: 0, times: 1_000_000, ...plan }, url);
}

export interface SpoilPlan {
  readonly fault: Fault | null;
  readonly times?: number;
  readonly after?: number;
  readonly ms?: number;
}

export function control(plan?: object, url = inject('inferenceUrl')): Promise<ProxyReport> {
  const init = plan === undefined ? {} : { method: 'POST', body: JSON.stringify(plan) };
  return fetch(`${url}/control`, init).then((response) => response.json());
}

export function hookUrl(name: string, query = ''): string {
  return `${inject('receiverUrl')}/hooks/${name}${query}`;
}

export function received(name: string): Promise<Received[]> {
  return fetch(`${inject('receiverUrl')}/received/${name}`).then((response) => response.json());
}
