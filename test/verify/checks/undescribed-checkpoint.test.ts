import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { checkpointPath } from '../../onnx/fixtures.ts';
import { copyCheckpoints, describeCheckpoint, emptyDirectory, verify } from './fixture-directory.ts';

let root: string;
beforeEach(async () => {
  root = await emptyDirectory();
});
afterEach(() => rm(root, { recursive: true }));

const verdictOf = async (file: string) =>
  (await verify(root)).find((result) => result.file === `checkpoints/${file}`);

it.each([
  ['malicious.pt', 'os.system'],
  ['malicious_zip.pt', 'posix.system'],
  ['malicious_legacy.pt', 'posix.system'],
])('passes %s because it is refused by name', async (fixture, call) => {
  await copyCheckpoints(root, { [fixture]: 'x_b7.pt' });
  expect(await verdictOf('x_b7.pt')).toMatchObject({ status: 'ok', detail: `refused (${call})` });
});

it('passes a file cut short because it gives one line of error', async () => {
  await copyCheckpoints(root, { 'truncated.pt': 'x_b7.pt' });
  expect(await verdictOf('x_b7.pt')).toMatchObject({ status: 'ok', detail: 'refused (cut short)' });
});

it('passes a copy of a described checkpoint, and fails one that differs in a bit', async () => {
  await copyCheckpoints(root, { 'tiny_a.pt': 'tiny_a.pt', 'tensor_zoo_legacy.pt': 'other.pt' });
  await describeCheckpoint(root, 'tiny_a', { file: 'tiny_a.json', checkpoint: 'tiny_a.pt' });
  await copyCheckpoints(root, { 'tiny_a.pt': 'copy.pt' });
  expect(await verdictOf('copy.pt')).toMatchObject({ status: 'ok', detail: 'as checkpoints/tiny_a.pt' });
  expect(await verdictOf('other.pt')).toMatchObject({ status: 'failed' });
});

it('fails a damaged file that is neither', async () => {
  const bytes = await readFile(checkpointPath('tiny_a.pt'));
  const pickle = bytes.indexOf('_rebuild_tensor_v2');
  bytes[pickle]! ^= 1;
  await writeFile(join(root, 'checkpoints', 'x.pt'), bytes);
  expect(await verdictOf('x.pt')).toMatchObject({ status: 'failed' });
});
