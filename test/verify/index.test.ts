import { cp, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { unzipSync, zipSync } from 'fflate';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type CheckResult, verifyDirectory } from '../../src/verify/index.ts';

const FIXTURES = fileURLToPath(new URL('../fixtures/core', import.meta.url));

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'cairn-verify-'));
});
afterEach(() => rm(directory, { recursive: true }));

async function copyFixtures(...names: string[]): Promise<void> {
  for (const name of names) await cp(join(FIXTURES, name), join(directory, name));
}

async function verify(): Promise<CheckResult[]> {
  const results: CheckResult[] = [];
  for await (const result of verifyDirectory(directory)) results.push(result);
  return results;
}

function statuses(results: readonly CheckResult[]): Record<string, CheckResult['status']> {
  return Object.fromEntries(results.map(({ file, status }) => [file, status]));
}

/** Adds `delta` to one float32 of an array in an .npz file. */
async function tamper(file: string, array: string, element: number, delta: number): Promise<void> {
  const path = join(directory, file);
  const arrays = unzipSync(await readFile(path));
  const npy = arrays[`${array}.npy`]!.slice();
  const view = new DataView(npy.buffer);
  const at = 10 + view.getUint16(8, true) + 4 * element;
  view.setFloat32(at, view.getFloat32(at, true) + delta, true);
  await writeFile(path, zipSync({ ...arrays, [`${array}.npy`]: npy }, { level: 0 }));
}

describe('verifyDirectory', () => {
  it('tells kinds by their content when every name carries a suffix', async () => {
    await cp(FIXTURES, directory, { recursive: true });
    const plain = await verify();
    for (const name of await readdir(directory)) {
      const path = join(directory, name);
      if (name.endsWith('.json')) {
        const text = await readFile(path, 'utf8');
        await writeFile(path, text.replaceAll(/"((?:steps|loop)_\w+)\.npz"/g, '"$1_b7.npz"'));
      }
      await rename(path, path.replace(/\.(json|npz)$/, '_b7.$1'));
    }
    const suffixed = await verify();
    const withoutSuffix = suffixed.map((result) => ({ ...result, file: result.file.replace('_b7', '') }));
    expect(withoutSuffix).toEqual(plain);
  });

  it('finds the arrays of an index whose .npz has another name', async () => {
    await copyFixtures('timestep_embedding.json', 'timestep_embedding.npz');
    await rename(join(directory, 'timestep_embedding.npz'), join(directory, 'sinusoids.npz'));
    expect(statuses(await verify())).toEqual({ 'sinusoids.npz': 'ok' });
  });

  it.each([
    ['steps_epsilon_learned.npz', 'c2_ddim_guided_eta05', 'c2_ddim_guided_eta05, t = 0'],
    ['steps_epsilon_learned.npz', 'c5_p_sample', 'c5_p_sample, t = 0'],
    ['steps_epsilon_learned.npz', 'c1_condition_score_pred_xstart', 'c1_condition_score_pred_xstart, t = 0'],
    ['steps_epsilon_learned.npz', 'c4_ddim_reverse', 'c4_ddim_reverse, t = 0'],
  ])('fails %s when one value of %s is off by 1e-4', async (file, array, where) => {
    await copyFixtures('steps_index.json', 'drift.json', file);
    await tamper(file, array, 0, 1e-4);
    const result = (await verify()).find((line) => line.file === file);
    expect(result).toMatchObject({ status: 'failed', detail: expect.stringContaining(where) });
  });

  it.each([
    ['timestep_embedding.npz', 'c0_embedding', 'timestep_embedding.json'],
    ['rng_cuda_philox.npz', 's42_call3', 'rng_cuda_philox.json'],
  ])('fails %s when one value of %s is off by 1e-4', async (file, array, index) => {
    await copyFixtures(index, file);
    await tamper(file, array, 1, 1e-4);
    expect(statuses(await verify())).toEqual({ [file]: 'failed' });
  });

  it.each([
    ['schedules.json', '0.010122448979591837', '0.010122449979591837'],
    ['respacing.json', '[0, 166, 333, 500, 666, 832, 999]', '[0, 167, 333, 500, 666, 832, 999]'],
    ['respacing.json', '"section_counts": "ddim300"', '"section_counts": "ddim200"'],
  ])('fails %s when %s is changed', async (file, from, to) => {
    await copyFixtures(file);
    const text = await readFile(join(directory, file), 'utf8');
    expect(text).toContain(from);
    await writeFile(join(directory, file), text.replace(from, to));
    expect(statuses(await verify())).toEqual({ [file]: 'failed' });
  });

  it('fails the files that an index names and that are not there, and goes on with the rest', async () => {
    await copyFixtures('steps_index.json', 'schedules.json', 'steps_start_x_learned.npz');
    const results = await verify();
    expect(results.filter(({ status }) => status === 'failed')).toHaveLength(11);
    expect(statuses(results)).toMatchObject({
      'schedules.json': 'ok',
      'steps_start_x_learned.npz': 'ok',
      'steps_epsilon_learned.npz': 'failed',
    });
  });

  it('fails an index of a known kind that is malformed, and says where', async () => {
    await writeFile(
      join(directory, 'x.json'),
      JSON.stringify({ space_timesteps: [{ num_timesteps: 'ten' }] }),
    );
    const [result] = await verify();
    expect(result).toMatchObject({
      file: 'x.json',
      status: 'failed',
      detail: expect.stringContaining('num_timesteps'),
    });
  });

  it('has a plain line for files that it does not know, and none for notes', async () => {
    await writeFile(join(directory, 'notes.md'), 'hello');
    await writeFile(join(directory, 'weights.bin'), 'hello');
    await writeFile(join(directory, 'other.json'), '{"a": 1}');
    await writeFile(join(directory, 'broken.json'), '{');
    await writeFile(join(directory, 'model.pt'), 'hello');
    expect(statuses(await verify())).toEqual({
      'broken.json': 'unknown',
      'other.json': 'unknown',
      'weights.bin': 'unknown',
      'model.pt': 'failed',
    });
  });

  it('refuses a directory that is empty or not there', async () => {
    await expect(verify()).rejects.toThrow('has no files to verify');
    await expect(verifyDirectory(join(directory, 'nowhere')).next()).rejects.toThrow(
      `can't read the directory`,
    );
  });
});
