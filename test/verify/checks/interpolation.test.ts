import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type CheckResult, loadOnnxNetworks, verifyDirectory } from '../../../src/verify/index.ts';
import { npzBytes } from '../write-npz.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'cairn-verify-'));
});
afterEach(() => rm(root, { recursive: true }));

/** A pixel row 0, 4 doubled: by hand, in PyTorch's half-pixel convention. */
async function verify(bilinear: readonly number[]): Promise<CheckResult> {
  const cases = [{ case: 0, low: [1, 2], new: [1, 4], bilinear: true, nearest_x2: true, avgpool2: false }];
  await writeFile(join(root, 'sizes_b7.json'), JSON.stringify({ cases }));
  const arrays = {
    c0_low_res: { shape: [1, 1, 1, 2], data: Float32Array.of(0, 4) },
    c0_bilinear: { shape: [1, 1, 1, 4], data: Float32Array.from(bilinear) },
    c0_nearest_x2: { shape: [1, 1, 2, 4], data: Float32Array.of(0, 0, 4, 4, 0, 0, 4, 4) },
  };
  await writeFile(join(root, 'sizes_b7.npz'), npzBytes(arrays));
  for await (const result of verifyDirectory(root, { loadNetworks: loadOnnxNetworks })) return result;
  throw new Error('no result');
}

it('passes the half-pixel convention', async () => {
  expect(await verify([0, 1, 3, 4])).toMatchObject({ status: 'ok', cases: 4 });
});

it('fails the convention of aligned corners', async () => {
  expect(await verify([0, 4 / 3, 8 / 3, 4])).toMatchObject({ status: 'failed' });
});
