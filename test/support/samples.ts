/** Whole samples, from the request to their end or until nothing is left of them, for tests inside workerd. */
import { runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { expect } from 'vitest';
import { jobPrefix } from '../../src/durable/outputs.ts';
import type { SampleResponse } from '../../src/functions/schemas/sample-response.ts';
import { batchStub, call, createSample, ended, jobStub, post, waitFor } from './api.ts';

/** @throws unless the request was accepted */
export async function accepted(response: Response): Promise<SampleResponse> {
  if (response.status !== 202) throw new Error(`${response.status}: ${await response.text()}`);
  return response.json();
}

export async function succeeded(created: { readonly id: string }): Promise<SampleResponse> {
  const sample = await waitFor(created.id, ended);
  expect(sample).toMatchObject({ status: 'succeeded', error: null });
  return sample;
}

/** A sample of this request, by default of the small job, that has succeeded. */
export async function finished(body?: object): Promise<SampleResponse> {
  return succeeded(await createSample(body));
}

/** Keeps its state, as the small job does. */
export async function fork(id: string, body: object): Promise<SampleResponse> {
  return accepted(await post(`/v1/samples/${id}/fork`, { keep_state: true, ...body }));
}

export async function forked(id: string, body: object): Promise<SampleResponse> {
  return succeeded(await fork(id, body));
}

/** However it ended. */
export async function replayed(id: string): Promise<SampleResponse> {
  const { id: replay } = await accepted(await post(`/v1/samples/${id}/replay`, {}));
  return waitFor(replay, ended);
}

export function remove(id: string): Promise<Response> {
  return call(`/v1/samples/${id}`, { method: 'DELETE' });
}

export async function keysOf(id: string): Promise<string[]> {
  return (await env.OUTPUTS.list({ prefix: jobPrefix(id) })).objects.map(({ key }) => key);
}

/** What is left of a sample, everywhere it was. */
export async function leftOf(id: string, batches = 1) {
  const rows = await env.DB.prepare('SELECT id FROM sample WHERE id = ?').bind(id).all();
  const stubs = Array.from({ length: batches }, (_, index) => batchStub(id, index));
  return {
    objects: await keysOf(id),
    rows: rows.results.length,
    job: await tablesOf(jobStub(id)),
    batches: await Promise.all(stubs.map(tablesOf)),
    alarms: await Promise.all(
      [jobStub(id), ...stubs].map((stub) =>
        runInDurableObject(stub, (_o, state) => state.storage.getAlarm()),
      ),
    ),
  };
}

/** Does something to an object and tears it down, as a process that dies would; what was written stays. */
export async function changeAndDie<O extends Rpc.DurableObjectBranded>(
  stub: DurableObjectStub<O>,
  change: (storage: DurableObjectStorage, object: O) => unknown,
): Promise<void> {
  const dying = runInDurableObject(stub, async (object: O, state) => {
    await change(state.storage, object);
    await state.storage.sync();
    state.abort('the process dies');
  });
  await dying.catch(() => {});
}

/** As deletion and expiry leave it, in the next instance of the object: this one goes with what it knew. */
export function destroy<O extends Rpc.DurableObjectBranded>(stub: DurableObjectStub<O>): Promise<void> {
  return changeAndDie(stub, async (storage) => {
    await storage.deleteAlarm();
    await storage.deleteAll();
  });
}

export function nothing(batches = 1) {
  return {
    objects: [],
    rows: 0,
    job: 0,
    batches: Array(batches).fill(0),
    alarms: Array(batches + 1).fill(null),
  };
}

export async function untilNothingIsLeft(id: string, batches = 1): Promise<void> {
  await expect.poll(() => leftOf(id, batches), { timeout: 30_000 }).toEqual(nothing(batches));
}

function tablesOf(stub: DurableObjectStub): Promise<number> {
  return runInDurableObject(stub, (_object, state) => {
    const tables =
      "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_cf%' ESCAPE '\\'";
    return state.storage.sql.exec(tables).toArray().length;
  });
}
