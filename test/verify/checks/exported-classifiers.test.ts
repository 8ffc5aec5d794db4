import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { unzipSync, zipSync } from 'fflate';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type CheckResult, verifyDirectory } from '../../../src/verify/index.ts';

const FIXTURES = fileURLToPath(new URL('../../fixtures/onnx/classifiers', import.meta.url));
const ENTRY = { file: 'time_cnn.onnx', opset: 14, inputs: ['image', 'timestep'], f32_vs_f64_max_abs: 1.3e-8 };

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'cairn-verify-'));
  for (const name of ['time_cnn.onnx', 'time_cnn_io.npz']) {
    await cp(join(FIXTURES, name), join(directory, name));
  }
});
afterEach(() => rm(directory, { recursive: true }));

async function verify(entries: readonly object[] = [ENTRY]): Promise<CheckResult[]> {
  await writeFile(join(directory, 'networks.json'), JSON.stringify(entries));
  const results: CheckResult[] = [];
  for await (const result of verifyDirectory(directory)) results.push(result);
  return results;
}

/** Adds to the first element of an array in the .npz file beside the classifier. */
async function tamper(name: string, delta: number): Promise<void> {
  const path = join(directory, 'time_cnn_io.npz');
  const arrays = unzipSync(await readFile(path));
  const npy = arrays[`${name}.npy`]!.slice();
  const view = new DataView(npy.buffer);
  const at = 10 + view.getUint16(8, true);
  if (name === 'grad_f64') view.setFloat64(at, view.getFloat64(at, true) + delta, true);
  else view.setFloat32(at, view.getFloat32(at, true) + delta, true);
  await writeFile(path, zipSync({ ...arrays, [`${name}.npy`]: npy }, { level: 0 }));
}

describe('exported classifiers', () => {
  it('pass with logits, log-probabilities and both gradients as the exporter had them', async () => {
    const [result, ...others] = await verify();
    expect(others).toEqual([]);
    expect(result).toMatchObject({ file: 'time_cnn.onnx', cases: 4, status: 'ok' });
    expect(result!.maxError).toBeGreaterThan(0);
    expect(result!.tolerance).toBeLessThan(2e-7);
  });

  it.each(['logits', 'log_probs', 'grad', 'grad_f64'])('fail when %s is off by 1e-4', async (name) => {
    await tamper(name, 1e-4);
    const [result] = await verify();
    expect(result).toMatchObject({ file: 'time_cnn.onnx', status: 'failed' });
  });

  it('fail each by itself when a file is missing', async () => {
    const results = await verify([{ ...ENTRY, file: 'gone.onnx' }, ENTRY]);
    expect(results.map(({ file, status }) => [file, status])).toEqual([
      ['gone.onnx', 'failed'],
      ['time_cnn.onnx', 'ok'],
    ]);
  });
});
