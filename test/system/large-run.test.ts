/** A large run survives the death of Cairn, and comes out of it as if nothing had been. */
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startChild } from '../../src/bench/processes/child.ts';
import type { CairnClient, SampleRequest } from '../../src/client/index.ts';
import { freePort } from './free-port.ts';
import { startCairn, stopCairn } from './local-cairn.ts';
import { killStartedScripts, outputOfStartedScripts, runScript } from './npm-script.ts';
import { seededRandom } from './random.ts';

const ROUNDS = Number(process.env.KILL_ROUNDS ?? 2);
/** 30 batches, of which 16 walk at a time. */
const RUN: SampleRequest = { model: 'mnist-32', labels: 'random', count: 300, steps: 12, seed: 11 };

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cairn-large-run-'));
});
afterEach(async ({ task }) => {
  if (task.result?.state === 'fail') console.error(outputOfStartedScripts());
  killStartedScripts();
  await rm(folder, { recursive: true, force: true });
});

test(`up to ${ROUNDS} kills in the middle of a large run change no byte of its arrays and its sheet`, async () => {
  // What is tested is that nothing is lost, not what a model makes of the noise: a server that answers zeros will do.
  await using backend = await startChild('instant-backend.ts');
  const env = { INFERENCE_BACKEND: 'remote', INFERENCE_URL: backend.ready as string };
  const calm = startCairn({ data: join(folder, 'undisturbed'), port: 0, env });
  const client = await calm.client();
  const undisturbed = await client.waitForSample((await client.createSample(RUN)).id);
  const expected = await outputsOf(client, undisturbed.id);
  expect(await stopCairn(calm)).toBe(0);

  const random = seededRandom('large run');
  const place = { data: join(folder, 'killed'), port: await freePort(), env };
  let cairn = startCairn(place);
  const { id } = await (await cairn.client()).createSample(RUN);
  let kills = 0;
  for (; kills < ROUNDS; kills++) {
    if (await isOverAtNextImages(await cairn.client(), id)) break; // a fast machine may be done before the last kill
    await sleep(random.between(0, 300));
    await cairn.kill();
    cairn = startCairn(place);
  }
  expect(kills).toBeGreaterThan(0);

  const api = await cairn.client();
  const sample = await api.waitForSample(id);
  expect(sample.receipt?.images_sha256).toBe(undisturbed.receipt?.images_sha256);
  expect(await outputsOf(api, id)).toEqual(expected);

  const key = (await readFile(join(place.data, 'api-key'), 'utf8')).trim();
  const out = join(folder, 'out');
  const connection = { CAIRN_API_URL: `http://127.0.0.1:${place.port}`, CAIRN_API_KEY: key };
  expect(await runScript('cairn', ['download', id, '--out', out], connection).exit()).toBe(0);
  const files = await Promise.all(['samples.npz', 'grid.png'].map((name) => readFile(join(out, name))));
  expect(files.map(digest)).toEqual(expected);
  expect(await stopCairn(cairn)).toBe(0);
});

/** Waits until more images are ready than there are now. @returns whether that is all of them */
async function isOverAtNextImages(client: CairnClient, id: string): Promise<boolean> {
  const ready = async () => (await client.readSample(id)).progress.images_ready;
  const before = await ready();
  if (before < RUN.count!) await expect.poll(ready, { timeout: 180_000 }).toBeGreaterThan(before);
  return (await ready()) === RUN.count;
}

/** sha256 of the arrays and of the sheet. */
async function outputsOf(client: CairnClient, id: string): Promise<string[]> {
  const { status, error, outputs } = await client.readSample(id);
  if (status !== 'succeeded') throw new Error(`${id} is ${status}: ${error?.message}`);
  return Promise.all([outputs.npz!, outputs.grid!].map(async (url) => digest(await client.download(url))));
}

function digest(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
