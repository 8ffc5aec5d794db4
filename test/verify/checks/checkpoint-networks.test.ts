import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { unzipSync, zipSync } from 'fflate';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { formatNetworks } from '../../../src/verify/index.ts';
import { Npz } from '../../../src/verify/npz.ts';
import { evaluateBlocks } from '../../../src/verify/onnx-networks.ts';
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

describe('block by block', () => {
  const MODULES = ['input_blocks.0', 'input_blocks.1', 'middle_block'];

  /** Writes what this build's own blocks answer into the index, but for the first element of some. */
  async function describeBlocks(wrong: readonly string[] = []): Promise<void> {
    const path = join(root, 'checkpoints', 'network_b7.json');
    const facts = JSON.parse(await readFile(path, 'utf8'));
    const arrays = join(root, 'checkpoints', 'answers_b7.npz');
    const npz = new Npz(await readFile(arrays), arrays);
    const answers = await evaluateBlocks(join(root, 'checkpoints', 'tiny_b7.pt'), facts, npz, MODULES);
    const fingerprints = [...answers].map(([module, { dims, data }]) => {
      const mean = data.reduce((sum, value) => sum + value, 0) / data.length;
      const std = Math.sqrt(data.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (data.length - 1));
      const first8 = [...data.subarray(0, 8)];
      return { module, shape: dims, mean, std, first8: wrong.includes(module) ? first8.with(0, 9) : first8 };
    });
    await writeFile(path, JSON.stringify({ ...facts, activation_fingerprints: fingerprints }));
  }

  it('compares four numbers of each on the way', async () => {
    const plain = (await verify(root)).find(({ file }) => file.endsWith('_b7.npz'))!;
    await describeBlocks();
    const detailed = (await verify(root)).find(({ file }) => file.endsWith('_b7.npz'))!;
    expect(detailed).toMatchObject({ status: 'ok', cases: plain.cases + 4 * MODULES.length });
  });

  it('names the first block that is wrong, and not the ones behind it', async () => {
    await describeBlocks(['input_blocks.1', 'middle_block']);
    const result = (await verify(root)).find(({ status }) => status === 'failed')!;
    expect(result.detail).toContain('first elements of block input_blocks.1');
    expect(result.detail).not.toContain('middle_block');
  });
});

it('says how far the worst answer of each architecture is off', async () => {
  const results = await verify(root);
  const [line, ...others] = formatNetworks([...results, ...results]);
  expect(others).toEqual([]);
  expect(line).toMatch(
    /^EncoderUNetModel +worst relative error over 2 networks: logits \S+e-\d, log_softmax \S+, grad \S+$/,
  );
});

it('says that answers are not covered without an engine', async () => {
  expect(await statuses({ networks: false })).toEqual({
    'checkpoints/tiny_b7.pt': 'ok',
    'checkpoints/answers_b7.npz': 'not covered',
  });
});
