import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { copyCheckpoints, emptyDirectory, verify } from './fixture-directory.ts';

let root: string;
beforeEach(async () => {
  root = await emptyDirectory();
  await copyCheckpoints(root, {
    'tensor_zoo.json': 'tensors_b7.json',
    'tensor_zoo.pt': 'zoo_b7.pt',
    'tensor_zoo_legacy.pt': 'old_b7.pt',
    'tensor_zoo_values.npz': 'numbers_b7.npz',
  });
});
afterEach(() => rm(root, { recursive: true }));

it('holds each checkpoint with the listed tensors against the values, whatever the names', async () => {
  expect((await verify(root)).map(({ file, status }) => [file, status])).toEqual([
    ['checkpoints/old_b7.pt', 'ok'],
    ['checkpoints/zoo_b7.pt', 'ok'],
  ]);
});

it('fails when one element of the file is another', async () => {
  const path = join(root, 'checkpoints', 'old_b7.pt');
  const bytes = await readFile(path);
  bytes[bytes.length - 1]! ^= 1;
  await writeFile(path, bytes);
  expect((await verify(root))[0]).toMatchObject({ file: 'checkpoints/old_b7.pt', status: 'failed' });
});
