/** What a checkpoint is, from the names, types and shapes of its tensors. */
import { type InferredOptions, inferOptions, kindsOf } from '../architectures/infer-options.ts';
import { CLASS_NAMES } from '../architectures/reference-options.ts';
import { type Checkpoint, openCheckpoint } from '../checkpoint/checkpoint.ts';
import { elementCount } from '../graph/tensor.ts';
import { countBy } from './count-by.ts';
import type { CheckpointInspection, FileFacts } from './inspection.ts';

/**
 * @param options.key where the state dict is, if there are several
 * @throws {CheckpointError} if the file is no readable checkpoint
 */
export async function inspectCheckpoint(
  path: string,
  options: { readonly key?: string },
): Promise<Omit<CheckpointInspection, keyof FileFacts | 'format'>> {
  await using checkpoint = await openCheckpoint(path, options);
  const tensors = [...checkpoint.tensors.values()];
  return {
    ...networkOf(checkpoint),
    parameters: tensors.reduce((sum, { shape }) => sum + elementCount(shape), 0),
    tensors: tensors.length,
    dtypes: countBy(tensors.map(({ dtype }) => dtype)),
  };
}

type Network = Pick<CheckpointInspection, 'kind' | 'options' | 'undetermined' | 'reason'>;

function networkOf(checkpoint: Checkpoint): Network {
  let inferred: InferredOptions;
  try {
    inferred = inferOptions(checkpoint);
  } catch (error) {
    return { kind: 'state dict', reason: (error as Error).message };
  }
  const { kind: _, ...options } = inferred.options;
  const kinds = kindsOf(inferred);
  const half = (options.in_channels ?? 0) / 2;
  return {
    kind: kinds.map((kind) => CLASS_NAMES[kind]).join(' or '),
    // A SuperResModel's constructor doubles what it is given.
    options: kinds.every((kind) => kind === 'super_resolution') ? { ...options, in_channels: half } : options,
    undetermined: inferred.undetermined.flatMap((name) => {
      if (name !== 'kind') return [name];
      return kinds.length > 1 ? [`kind (SuperResModel: in_channels ${half})`] : [];
    }),
  };
}
