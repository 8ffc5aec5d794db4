/** A large network's batch on the CPU, computed a few images at a time. */
import { availableParallelism } from 'node:os';
import type { NamedTensor } from '../../inference/oip/tensor.ts';
import type { GraphFile } from '../../models/manifest.ts';
import { joinRows } from '../batching/rows.ts';
import type { TensorsByName } from '../model-runner.ts';
import { isLargeGraph } from './graph-file.ts';
import type { SessionSettings } from './session-settings.ts';

/**
 * How many images of a batch a graph is given at a time. A large graph computes so long for each image that a larger
 * batch gains a CPU nothing: it takes memory for each image, and what the layers hand on leaves the caches. As many
 * images as threads keep all of them busy.
 *
 * It depends on the model and the settings alone, so that an exact request is always taken apart in the same way.
 *
 * @returns Infinity where the whole batch is one run
 */
export function imagesAtATime(
  file: Pick<GraphFile, 'data'>,
  { provider, threads }: Pick<SessionSettings, 'provider' | 'threads'>,
): number {
  if (provider !== 'cpu' || !isLargeGraph(file)) return Infinity;
  return threads ?? availableParallelism();
}

/**
 * Runs a batch in parts, in order.
 *
 * @param inputs `[rows, ...]` each
 * @param most rows of one part
 * @param run one part
 * @returns the outputs of all rows; of a batch that is one part, as they came
 */
export async function inParts(
  inputs: readonly NamedTensor[],
  most: number,
  run: (part: readonly NamedTensor[]) => Promise<readonly NamedTensor[]>,
): Promise<NamedTensor[]> {
  const parts = [];
  for (const part of partsOf(byName(inputs), most)) {
    const outputs = byName(await run([...part.values()]));
    parts.push({ inputs: outputs, from: 0, count: rowsOf(part) });
  }
  return [...joinRows([...parts[0]!.inputs.keys()], parts).values()];
}

/** The parts of a batch, in order; none of them is a copy. @param batch `[rows, ...]` each */
export function* partsOf(batch: TensorsByName, most: number): Generator<TensorsByName> {
  const rows = rowsOf(batch);
  for (let from = 0; from < rows; from += most) {
    yield joinRows([...batch.keys()], [{ inputs: batch, from, count: Math.min(most, rows - from) }]);
  }
}

export function rowsOf(batch: TensorsByName): number {
  const [first] = batch.values();
  return first!.shape[0]!;
}

function byName(tensors: readonly NamedTensor[]): TensorsByName {
  return new Map(tensors.map((tensor) => [tensor.name, tensor]));
}
