/** Jobs on several inference servers do not feel it when one is killed, and end in the same bytes. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { SampleRequest } from '../../src/client/index.ts';
import { freePort } from './free-port.ts';
import { drawUndisturbed, startCairn, stopCairn } from './local-cairn.ts';
import { killStartedScripts, outputOfStartedScripts, type RunningScript, runScript } from './npm-script.ts';
import { createAll, picturesOf, waitForPicturesOnDisk } from './outputs.ts';
import { seededRandom } from './random.ts';

const ROUNDS = Number(process.env.KILL_ROUNDS ?? 4);
const FINISH_TIMEOUT = 240_000;

const requests: SampleRequest[] = [
  { model: 'mnist-32', classes: [3, 8], seed: 31, sampler: 'ddpm', steps: 60 * ROUNDS },
  { model: 'mnist-32', classes: [6, 0, 2], seed: 32, sampler: 'ddim', steps: 'ddim100', eta: 1 },
  { model: 'mnist-32', classes: [1, 5], count: 12, seed: 33, sampler: 'ddpm', steps: 30 },
];

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cairn-kill-fleet-'));
});
afterEach(async ({ task }) => {
  if (task.result?.state === 'fail') console.error(outputOfStartedScripts());
  killStartedScripts();
  await rm(folder, { recursive: true, force: true });
});

test(`${ROUNDS} kills of one of two inference servers change no byte`, async () => {
  const random = seededRandom('fleet');
  const ports = [await freePort(), await freePort()];
  const fleet = ports.map((port, i) => ({ name: `server-${i}`, url: `http://127.0.0.1:${port}` }));
  const env = { INFERENCE_BACKEND: 'remote', INFERENCE_BACKENDS: JSON.stringify(fleet) };
  const servers = await Promise.all(ports.map(startServer));
  const undisturbed = await drawUndisturbed({ data: join(folder, 'undisturbed'), port: 0, env }, requests);

  const place = { data: join(folder, 'killed'), port: await freePort(), env };
  const cairn = startCairn(place);
  const ids = await createAll(await cairn.client(), requests);
  for (let round = 0; round < ROUNDS; round++) {
    await sleep(random.between(100, 2_500));
    const victim = Math.floor(random.between(0, 2));
    await servers[victim]!.kill();
    await sleep(random.between(0, 1_500));
    servers[victim] = await startServer(ports[victim]!);
  }

  expect(await waitForPicturesOnDisk(place.data, undisturbed, FINISH_TIMEOUT)).toBe(0);
  expect(await picturesOf(await cairn.client(), ids)).toEqual(undisturbed);
  expect(await stopCairn(cairn)).toBe(0);
});

/** One thread: a sum split over threads may round in another way. */
async function startServer(port: number): Promise<RunningScript> {
  const server = runScript('cairn', ['serve', 'models', '--port', String(port), '--threads', '1']);
  await server.line(/^Serving mnist-32/);
  return server;
}
