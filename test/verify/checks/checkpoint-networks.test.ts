import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { unzipSync, zipSync } from 'fflate';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { copyCheckpoints, describeCheckpoint, emptyDirectory, verify } from './fixture-directory.ts';

let root: string;
beforeEach(async () => {
  root = await emptyDirectory();
  await copyCheckpoints(root, { 'tiny_a.pt': 'tiny_b7.pt', 'tiny_a_io.npz': 'answers_b7.npz' });
  const index = { file: 'network_b7.json', checkpoint: 'tiny_b7.pt', io: 'answers_b7.npz' };
  await describeCheckpoint(root, 'tiny_a', index);
});
afterEach(() => rm(root, { recursive: true }));

const statuses = async (options?: { networks: boolean }) =>
  Object.fromEntries((await verify(root, options)).map(({ file, status }) => [file, status]));

it('holds tensors, logits and gradient against the files that the index names', async () => {
  expect(await statuses()).toEqual({
    'checkpoints/tiny_b7.pt': 'ok',
    'checkpoints/answers_b7.npz': 'ok',
  });
});

it.each(['logits', 'log_softmax', 'grad'])('fails when one value of %s is off', async (array) => {
  const path = join(root, 'checkpoints', 'answers_b7.npz');
  const arrays = unzipSync(await readFile(path));
  const npy = arrays[`${array}.npy`]!;
  const view = new DataView(npy.buffer, npy.byteOffset);
  const at = 10 + view.getUint16(8, true);
  view.setFloat32(at, view.getFloat32(at, true) + 1e-4, true);
  await writeFile(path, zipSync(arrays, { level: 0 }));
  expect(await statuses()).toMatchObject({ 'checkpoints/answers_b7.npz': 'failed' });
});

it('fails when the checkpoint has other tensors than its description', async () => {
  const path = join(root, 'checkpoints', 'network_b7.json');
  const text = await readFile(path, 'utf8');
  await writeFile(path, text.replace('"name":"out.3.bias","shape":[5]', '"name":"out.3.bias","shape":[6]'));
  const [result] = await verify(root);
  expect(result).toMatchObject({ status: 'failed', detail: expect.stringContaining('shape of out.3.bias') });
});

it('says that answers are not covered without an engine', async () => {
  expect(await statuses({ networks: false })).toEqual({
    'checkpoints/tiny_b7.pt': 'ok',
    'checkpoints/answers_b7.npz': 'not covered',
  });
});
