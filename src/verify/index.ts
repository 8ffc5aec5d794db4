/** `cairn verify DIR`: holds this build against a directory of golden data. */
import { checkKinds } from './checks/index.ts';
import { checkUndescribed } from './checks/undescribed-checkpoint.ts';
import { GoldenDirectory } from './directory.ts';
import { isDrift, readDrift } from './drift.ts';
import type { LoadNetworks } from './networks.ts';
import { type CheckResult, guarded } from './result.ts';

export type { LoadNetworks, LoopEvaluation, LoopInput, LoopNetworks, NetworkSource } from './networks.ts';
export { type CheckResult, formatCheck, formatHeader, formatNetworks } from './result.ts';

/** Runs checkpoints with Cairn's own converter in onnxruntime-node, which is loaded when the first loop asks for it. */
export const loadOnnxNetworks: LoadNetworks = async (source) => {
  const engine = await import('./onnx-networks.ts');
  return engine.loadOnnxNetworks(source);
};

export interface VerifyOptions {
  /** Runs the checkpoints that loops name ({@link loadOnnxNetworks}); without it only what needs no network is checked. */
  readonly loadNetworks?: LoadNetworks | undefined;
}

/**
 * Checks every file of a directory, and says of each what came out of it. Kinds are told by the content of their index
 * files, so names may carry any suffix.
 *
 * @throws {Error} if there is no such directory, it is empty, or its drift file is malformed
 */
export async function* verifyDirectory(
  root: string,
  options: VerifyOptions = {},
): AsyncGenerator<CheckResult> {
  const directory = await GoldenDirectory.open(root);
  if (directory.files.length === 0) throw new Error(`${root} has no files to verify`);
  const drift = await readDrift(directory);
  for (const path of directory.files) {
    if (!/\.json(\.gz)?$/.test(path) || directory.isClaimed(path)) continue;
    const content = await directory.json(path);
    const kind = isDrift(content) ? undefined : checkKinds.find((row) => row.recognises(content));
    if (!kind) continue;
    directory.claim(path);
    const input = { directory, path, content, drift, loadNetworks: options.loadNetworks };
    yield* guarded(path, () => kind.run(input));
  }
  const undescribed = directory.files.filter((path) => !directory.isClaimed(path) && !path.endsWith('.md'));
  for (const path of undescribed) {
    if (path.endsWith('.pt')) yield* guarded(path, () => checkUndescribed(directory, path));
    else yield unclaimed(path);
  }
}

function unclaimed(file: string): CheckResult {
  const detail = 'no check knows this kind of file';
  return { file, cases: 0, maxError: 0, tolerance: 0, status: 'unknown', detail };
}
