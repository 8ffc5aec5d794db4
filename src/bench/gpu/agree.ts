/** Whether an engine computes the same step as PyTorch: the toy, with the same weights on both sides. */
import type { Clock } from './clock.ts';
import { guidedStep } from './inputs.ts';
import type { PreparedSize } from './prepare.ts';
import type { Agreement, Dtype, Engine } from './results.ts';
import { startOn } from './serve.ts';
import { torchAnswers } from './torch.ts';

const BATCH = 3;

/** What the others are held against; null if there is no PyTorch. */
export type Truth = { readonly output: number[]; readonly gradient: number[] };

export function truthOf(python: string, { recipe, weights }: PreparedSize, clock: Clock): Promise<Truth> {
  const job = {
    recipe,
    weights,
    dtype: 'fp32',
    batches: [BATCH],
    seconds: 0,
    repeats: 1,
    cpu: true,
  } as const;
  return torchAnswers(python, job, clock);
}

/** @throws {Error} if the engine can't serve */
export async function agree(
  toy: PreparedSize,
  truth: Truth,
  { engine, dtype }: { engine: Engine; dtype: Dtype },
  clock: Clock,
): Promise<Agreement> {
  await using server = await startOn(engine, await toy.folder(dtype), clock);
  const answer = await server.backend.evaluate(guidedStep(server.manifest, BATCH), {
    signal: clock.signal(),
  });
  const error = Math.max(
    relativeError(answer.modelOutput, truth.output),
    relativeError(answer.gradient ?? new Float32Array(), truth.gradient),
  );
  return { engine, dtype, error };
}

function relativeError(actual: Float32Array, expected: readonly number[]): number {
  if (actual.length !== expected.length) throw new Error(`${actual.length} values, not ${expected.length}`);
  let difference = 0;
  let largest = 0;
  for (const [i, value] of expected.entries()) {
    difference = Math.max(difference, Math.abs(actual[i]! - value));
    largest = Math.max(largest, Math.abs(value));
  }
  return difference / largest;
}
