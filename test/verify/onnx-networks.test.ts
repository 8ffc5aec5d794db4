import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { GoldenDirectory } from '../../src/verify/directory.ts';
import { loadOnnxNetworks } from '../../src/verify/index.ts';
import { Npz } from '../../src/verify/npz.ts';
import { largestDifference } from '../../src/verify/result.ts';

const CHECKPOINTS = fileURLToPath(new URL('../fixtures/onnx/checkpoints', import.meta.url));

let root: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'cairn-networks-'));
});
afterEach(() => rm(root, { recursive: true }));

/** Lays a checkpoint out as golden data has it: NAME.pt, and NAME.json that says how it was constructed. */
async function addCheckpoint(name: string): Promise<Npz> {
  await cp(join(CHECKPOINTS, `${name}.pt`), join(root, `${name}.pt`));
  const constructors = JSON.parse(await readFile(join(CHECKPOINTS, 'constructors.json'), 'utf8'));
  await writeFile(join(root, `${name}.json`), JSON.stringify(constructors[name]));
  return new Npz(await readFile(join(CHECKPOINTS, `${name}_io.npz`)), `${name}_io.npz`);
}

describe('loadOnnxNetworks', () => {
  it('runs an upsampling, class-conditional checkpoint as the reference does', async () => {
    const io = await addCheckpoint('superres_a1');
    const directory = await GoldenDirectory.open(root);
    const networks = await loadOnnxNetworks({ directory, model: 'superres_a1.pt', classifier: null });
    const input = { x: io.float32('x'), shape: [2, 3, 16, 16] as const, timestep: io.float32('timesteps') };
    const lowRes = { data: io.float32('low_res'), shape: io.array('low_res').shape };
    const labels = io.numbers('y');
    const { modelOutput, gradient } = await networks.evaluate({ ...input, labels, lowRes });
    expect(largestDifference(modelOutput, io.float32('output'))).toBeLessThan(5e-5);
    expect(gradient).toBeNull();
    await expect(networks.evaluate({ ...input, labels })).rejects.toThrow('needs low_res');
    await expect(networks.evaluate({ ...input, lowRes })).rejects.toThrow('needs labels');
    await expect(networks.evaluate({ ...input, labels, lowRes, targets: labels })).rejects.toThrow(
      'needs a classifier',
    );
    await networks.close();
    expect(directory.isClaimed('superres_a1.pt')).toBe(true);
  });

  it('says which checkpoint does not fit its description', async () => {
    await addCheckpoint('tiny_a');
    await cp(join(root, 'tiny_a.json'), join(root, 'superres_a1.json'));
    await cp(join(CHECKPOINTS, 'superres_a1.pt'), join(root, 'superres_a1.pt'));
    const directory = await GoldenDirectory.open(root);
    await expect(loadOnnxNetworks({ directory, model: 'superres_a1.pt', classifier: null })).rejects.toThrow(
      'superres_a1.pt: ',
    );
  });
});
