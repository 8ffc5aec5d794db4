import { type CheckKind, firstOf, hasKeys } from '../contract.ts';
import { folderOf, type GoldenDirectory } from '../directory.ts';

/** Kinds that are known and whose checks are still to be written: a line that says so, which fails nothing. */
export const notCoveredYet: readonly CheckKind[] = [
  kindWithoutCheck('CPU generator', (content) => hasKeys(content, 'seeds', 'sizes', 'sequence')),
  kindWithoutCheck('interpolation', (content) => hasKeys(firstOf(content, 'cases'), 'low', 'new')),
  kindWithoutCheck('metrics', (content) => hasKeys(content, 'frechet', 'inception_score')),
  kindWithoutCheck('checkpoint', (content) =>
    hasKeys(content, 'class', 'constructor_arguments', 'state_dict'),
  ),
  kindWithoutCheck(
    'tensors of a checkpoint',
    (content) => Array.isArray(content) && hasKeys(content[0], 'dtype', 'stride', 'storage_offset'),
  ),
  kindWithoutCheck('released models', (content) => hasKeys(Object.values(content ?? {})[0], 'kind', 'flags')),
];

function kindWithoutCheck(name: string, recognises: (content: unknown) => boolean): CheckKind {
  return {
    name,
    recognises,
    async *run({ directory, path, content }) {
      claimCompanions(directory, path, content);
      yield { file: path, cases: 0, maxError: 0, tolerance: 0, status: 'not covered', detail: name };
    },
  };
}

const PARTS = /^(_io|_values|_legacy)?\.(npz|pt|onnx)$/;

/** Files of the same stem (NAME.npz, NAME.pt, NAME_io.npz, NAME_legacy.pt ...) and those that a list names. */
function claimCompanions(directory: GoldenDirectory, path: string, content: unknown): void {
  const stems = [path.replace(/\.json(\.gz)?$/, '')];
  if (Array.isArray(content)) {
    for (const entry of content) {
      if (hasKeys(entry, 'file')) stems.push(folderOf(path) + String(entry.file).replace(/\.\w+$/, ''));
    }
  }
  for (const file of directory.files) {
    if (stems.some((stem) => file.startsWith(stem) && PARTS.test(file.slice(stem.length))))
      directory.claim(file);
  }
}
