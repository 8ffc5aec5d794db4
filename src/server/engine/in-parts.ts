/** A large network's batch on the CPU, computed a few images at a time. */
import { availableParallelism } from 'node:os';
import type { NamedTensor } from '../../inference/oip/tensor.ts';
import type { GraphFile } from '../../models/manifest.ts';
import { joinRows } from '../batching/rows.ts';
import type { SessionSettings } from './session-settings.ts';

/**
 * How many images of a batch a graph is given at a time. A graph whose weights lie in a file of their own (64 MiB and
 * more) computes so long for each image that a larger batch gains a CPU nothing: it takes memory for each image, and
 * what the layers hand on leaves the caches. As many images as threads keep all of them busy.
 *
 * It depends on the model and the settings alone, so that an exact request is always taken apart in the same way.
 *
 * @returns Infinity where the whole batch is one run
 */
export function imagesAtATime(
  { data }: Pick<GraphFile, 'data'>,
  { provider, threads }: Pick<SessionSettings, 'provider' | 'threads'>,
): number {
  if (provider !== 'cpu' || data === undefined) return Infinity;
  return threads ?? availableParallelism();
}

/**
 * Runs a batch in parts, in order.
 *
 * @param inputs `[rows, ...]` each
 * @param most rows of one part
 * @param run one part
 * @returns the outputs of all rows
 */
export async function inParts(
  inputs: readonly NamedTensor[],
  most: number,
  run: (part: readonly NamedTensor[]) => Promise<readonly NamedTensor[]>,
): Promise<NamedTensor[]> {
  const whole = byName(inputs);
  const rows = inputs[0]!.shape[0]!;
  const parts = [];
  for (let from = 0; from < rows; from += most) {
    const count = Math.min(most, rows - from);
    const part = joinRows([...whole.keys()], [{ inputs: whole, from, count }]);
    parts.push({ inputs: byName(await run([...part.values()])), from: 0, count });
  }
  return [...joinRows([...parts[0]!.inputs.keys()], parts).values()];
}

function byName(tensors: readonly NamedTensor[]): ReadonlyMap<string, NamedTensor> {
  return new Map(tensors.map((tensor) => [tensor.name, tensor]));
}
