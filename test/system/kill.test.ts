/** Jobs whose processes are killed without warning end with the bytes of jobs that nothing disturbed. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type CairnClient, isFinished, type SampleRequest } from '../../src/client/index.ts';
import { freePort } from './free-port.ts';
import { drawUndisturbed, startCairn, stopCairn } from './local-cairn.ts';
import { killStartedScripts, outputOfStartedScripts } from './npm-script.ts';
import { createAll, picturesOf, waitForPicturesOnDisk } from './outputs.ts';
import { seededRandom } from './random.ts';

const ROUNDS = Number(process.env.KILL_ROUNDS ?? 6);
const FINISH_TIMEOUT = 240_000;

/** The first has steps enough to be killed again and again; the last is split into two batches. */
const requests: SampleRequest[] = [
  { model: 'mnist-32', class: 3, seed: 11, sampler: 'ddpm', steps: 40 + 15 * ROUNDS },
  { model: 'mnist-32', classes: [1, 4], seed: 12, sampler: 'ddpm', steps: '12' },
  { model: 'mnist-32', classes: [0, 5, 9], seed: 13, sampler: 'ddim', steps: 'ddim10', eta: 0.5 },
  { model: 'mnist-32', classes: [7, 2], count: 11, seed: 14, sampler: 'ddpm', steps: '4' },
];

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cairn-kill-'));
});
afterEach(async ({ task }) => {
  if (task.result?.state === 'fail') console.error(outputOfStartedScripts());
  killStartedScripts();
  await rm(folder, { recursive: true, force: true });
});

describe('SIGKILL of the whole process group', () => {
  test(`${ROUNDS} kills at random moments change no byte, and no request is needed to go on`, async () => {
    const random = seededRandom('embedded');
    const undisturbed = await drawUndisturbed({ data: join(folder, 'undisturbed'), port: 0 }, requests);
    const place = { data: join(folder, 'killed'), port: await freePort() };
    const first = startCairn(place);
    const ids = await createAll(await first.client(), requests);
    await sleep(random.between(0, 2_000));
    await first.kill();

    let killedUnderWay = 0;
    for (let round = 1; round < ROUNDS; round++) {
      const cairn = startCairn(place);
      if (round % 2 === 0) {
        await sleep(random.between(0, 2_000));
      } else if (await advances(await cairn.client(), ids[0]!)) {
        await sleep(random.between(0, 400));
        killedUnderWay++;
      }
      await cairn.kill();
      expect(await cairn.survivors()).toEqual([]);
    }

    const last = startCairn(place);
    expect(await waitForPicturesOnDisk(place.data, undisturbed, FINISH_TIMEOUT)).toBe(0);
    const client = await last.client();
    expect(await picturesOf(client, ids)).toEqual(undisturbed);
    expect(killedUnderWay).toBeGreaterThanOrEqual(Math.floor(ROUNDS / 2) - 1);
    expect(await stopCairn(last)).toBe(0);
    expect(await last.survivors()).toEqual([]);
  });
});

/** Waits until a sample has taken steps in this life of the process. @returns false if it was over before */
async function advances(client: CairnClient, id: string): Promise<boolean> {
  const before = await client.readSample(id);
  for (;;) {
    const now = await client.readSample(id);
    if (isFinished(now)) return false;
    if (now.progress.step > before.progress.step) return true;
    await sleep(20);
  }
}
