/** Jobs whose steps run on an inference server survive the death of either side. */
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

const ROUNDS = Number(process.env.KILL_ROUNDS ?? 6);
const FINISH_TIMEOUT = 240_000;

const requests: SampleRequest[] = [
  { model: 'mnist-32', classes: [3, 8], seed: 21, sampler: 'ddpm', steps: 40 * ROUNDS },
  { model: 'mnist-32', classes: [6, 0, 2], seed: 22, sampler: 'ddim', steps: 'ddim100', eta: 1 },
  { model: 'mnist-32', classes: [1, 5], count: 12, seed: 23, sampler: 'ddpm', steps: 20 },
];

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cairn-kill-remote-'));
});
afterEach(async ({ task }) => {
  if (task.result?.state === 'fail') console.error(outputOfStartedScripts());
  killStartedScripts();
  await rm(folder, { recursive: true, force: true });
});

test(`${ROUNDS} kills of the inference server, of Cairn, or of both change no byte`, async () => {
  const random = seededRandom('remote');
  const port = await freePort();
  const env = { INFERENCE_BACKEND: 'remote', INFERENCE_URL: `http://127.0.0.1:${port}` };
  let server = await startServer(port);
  const undisturbed = await drawUndisturbed({ data: join(folder, 'undisturbed'), port: 0, env }, requests);

  const place = { data: join(folder, 'killed'), port: await freePort(), env };
  let cairn = startCairn(place);
  const ids = await createAll(await cairn.client(), requests);
  for (let round = 0; round < ROUNDS; round++) {
    await sleep(random.between(100, 2_500));
    const victim = random.between(0, 3);
    const killsServer = victim < 2;
    const killsCairn = victim >= 1;
    await Promise.all([killsServer && server.kill(), killsCairn && cairn.kill()]);
    if (killsCairn) cairn = startCairn(place);
    if (killsServer) {
      await sleep(random.between(0, 1_500));
      server = await startServer(port);
    }
  }

  expect(await waitForPicturesOnDisk(place.data, undisturbed, FINISH_TIMEOUT)).toBe(0);
  expect(await picturesOf(await cairn.client(), ids)).toEqual(undisturbed);
  expect(await stopCairn(cairn)).toBe(0);
  expect(await cairn.survivors()).toEqual([]);
});

/** One thread: a sum split over threads may round in another way. */
async function startServer(port: number): Promise<RunningScript> {
  const server = runScript('cairn', ['serve', 'models', '--port', String(port), '--threads', '1']);
  await server.line(/^Serving mnist-32/);
  return server;
}
