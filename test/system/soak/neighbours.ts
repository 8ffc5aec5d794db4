/** Steps that others ask the same servers for, at several priorities, so that jobs share batches and wait for turns. */
import { BackendError, type EvaluationRequest } from '../../../src/inference/backend.ts';
import { RemoteBackend } from '../../../src/inference/remote/remote-backend.ts';
import { findModel } from '../../../src/models/registry.ts';
import type { Random } from '../random.ts';

const PRIORITIES = [1, 50, 100, 200];
const PIXELS = 32 * 32;

/** @returns steps answered and steps that failed for now, as they may; anything else is thrown */
export async function askAsNeighbour(
  urls: readonly string[],
  random: Random,
  signal: AbortSignal,
): Promise<{ answered: number; failed: number }> {
  const backends = urls.map((url) => new RemoteBackend({ url, timeoutMs: 5_000, findModel }));
  const tally = { answered: 0, failed: 0 };
  while (!signal.aborted) {
    const backend = backends[Math.floor(random.between(0, backends.length))]!;
    const priority = PRIORITIES[Math.floor(random.between(0, PRIORITIES.length))]!;
    const images = 1 + Math.floor(random.between(0, 3));
    try {
      await backend.evaluate(stepOf(images, random), { owner: `neighbour-${priority}`, priority });
      tally.answered++;
    } catch (error) {
      if (!(error instanceof BackendError)) throw error;
      tally.failed++;
    }
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  return tally;
}

function stepOf(images: number, random: Random): EvaluationRequest {
  return {
    model: 'mnist-32',
    shape: [images, 1, 32, 32],
    x: Float32Array.from({ length: images * PIXELS }, () => random.between(-1, 1)),
    timestep: Float32Array.from({ length: images }, () => Math.floor(random.between(0, 1000))),
  };
}
