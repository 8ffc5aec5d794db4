/** Golden directories made of the fixtures of the ONNX tests. */
import { cp, mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openCheckpoint } from '../../../src/onnx/checkpoint/checkpoint.ts';
import { type CheckResult, loadOnnxNetworks, verifyDirectory } from '../../../src/verify/index.ts';
import { checkpointPath, constructors } from '../../onnx/fixtures.ts';

export async function emptyDirectory(): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'cairn-verify-'));
  await mkdir(join(root, 'checkpoints'));
  return root;
}

/** Copies fixtures of checkpoints/, under other names if asked. */
export async function copyCheckpoints(root: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [from, to] of Object.entries(files)) {
    await cp(checkpointPath(from), join(root, 'checkpoints', to));
  }
}

/** Writes the description that the reference would give of a checkpoint. */
export async function describeCheckpoint(
  root: string,
  fixture: string,
  index: { readonly file: string; readonly checkpoint: string; readonly io?: string },
): Promise<void> {
  await using checkpoint = await openCheckpoint(checkpointPath(`${fixture}.pt`));
  const state_dict = [...checkpoint.tensors].map(([name, { shape, dtype }]) => ({ name, shape, dtype }));
  const { file, ...named } = index;
  const description = { ...constructors[fixture], ...named, state_dict };
  await writeFile(join(root, 'checkpoints', file), JSON.stringify(description));
}

/** @param networks whether there is an engine */
export async function verify(root: string, { networks = true } = {}): Promise<CheckResult[]> {
  const results: CheckResult[] = [];
  const options = networks ? { loadNetworks: loadOnnxNetworks } : {};
  for await (const result of verifyDirectory(root, options)) results.push(result);
  return results;
}
