import { z } from 'zod';
import { openCheckpoint } from '../../onnx/checkpoint/checkpoint.ts';
import { type CheckInput, type CheckKind, hasKeys } from '../contract.ts';
import { folderOf } from '../directory.ts';
import { type CheckResult, Comparison, guarded } from '../result.ts';
import { compareFacts, compareValues } from './state-dicts.ts';

const index = z.array(z.looseObject({ name: z.string(), shape: z.array(z.int()), dtype: z.string() })).min(1);

/** Tensors of every type and layout, in each layout of file: the list of them, their values, the checkpoints. */
export const tensorValues: CheckKind = {
  name: 'tensors of a checkpoint',
  recognises: (content) => Array.isArray(content) && hasKeys(content[0], 'dtype', 'stride', 'storage_offset'),
  async *run(input) {
    const facts = index.parse(input.content);
    const values = await valuesOf(input, facts[0]!.name);
    let found = 0;
    for (const file of candidates(input)) {
      const checkpoint = await openCheckpoint(input.directory.absolute(file)).catch(() => undefined);
      try {
        if (!checkpoint || !facts.every(({ name }) => checkpoint.tensors.has(name))) continue;
        found++;
        input.directory.claim(file);
        yield* guarded(file, async function* (): AsyncGenerator<CheckResult> {
          const comparison = new Comparison();
          compareFacts(comparison, checkpoint, facts);
          compareValues(comparison, checkpoint, values);
          yield comparison.result(file);
        });
      } finally {
        await checkpoint?.close();
      }
    }
    if (found === 0) throw new Error('no checkpoint in its folder can be read and has its tensors');
  },
};

function candidates({ directory, path }: CheckInput): string[] {
  return directory.files.filter(
    (file) => file.endsWith('.pt') && folderOf(file) === folderOf(path) && !directory.isClaimed(file),
  );
}

async function valuesOf({ directory, path }: CheckInput, name: string) {
  const beside = path.replace(/\.json$/, '_values.npz');
  if (directory.has(beside)) return directory.npz(beside);
  return (await directory.companion(path, name)).npz;
}
