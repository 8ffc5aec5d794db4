/** Whether an engine computes the same step as another program: the toy, with the same weights on both sides. */
import type { Clock } from './clock.ts';
import { guidedStep } from './inputs.ts';
import type { PreparedSize } from './prepare.ts';
import type { Agreement, Dtype, Engine, TruthSource } from './results.ts';
import { startOn } from './serve.ts';
import { torchAnswers } from './torch.ts';

const BATCH = 3;

/** What the others are held against. */
export interface Truth {
  readonly from: TruthSource;
  readonly output: ArrayLike<number>;
  readonly gradient: ArrayLike<number>;
}

/** @throws {Error} if there is no PyTorch */
export async function torchTruth(
  python: string,
  { recipe, weights }: PreparedSize,
  clock: Clock,
): Promise<Truth> {
  const job = {
    recipe,
    weights,
    dtype: 'fp32',
    batches: [BATCH],
    seconds: 0,
    repeats: 1,
    cpu: true,
  } as const;
  return { from: 'pytorch', ...(await torchAnswers(python, job, clock)) };
}

/** Where there is no PyTorch: onnxruntime on the processor, which the tests hold against PyTorch's numbers. */
export async function cpuTruth(toy: PreparedSize, clock: Clock): Promise<Truth> {
  return { from: 'cpu', ...(await answersOf(toy, { engine: 'cpu', dtype: 'fp32' }, clock)) };
}

/** @throws {Error} if the engine can't serve */
export async function agree(
  toy: PreparedSize,
  truth: Truth,
  side: { engine: Engine; dtype: Dtype },
  clock: Clock,
): Promise<Agreement> {
  const { output, gradient } = await answersOf(toy, side, clock);
  const error = Math.max(relativeError(output, truth.output), relativeError(gradient, truth.gradient));
  return { ...side, error };
}

async function answersOf(
  toy: PreparedSize,
  { engine, dtype }: { engine: Engine; dtype: Dtype },
  clock: Clock,
): Promise<{ output: Float32Array; gradient: Float32Array }> {
  await using server = await startOn(engine, await toy.folder(dtype), clock);
  const answer = await server.backend.evaluate(guidedStep(server.manifest, BATCH), {
    signal: clock.signal(),
  });
  return { output: answer.modelOutput, gradient: answer.gradient ?? new Float32Array() };
}

function relativeError(actual: Float32Array, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) throw new Error(`${actual.length} values, not ${expected.length}`);
  let difference = 0;
  let largest = 0;
  for (let i = 0; i < expected.length; i++) {
    difference = Math.max(difference, Math.abs(actual[i]! - expected[i]!));
    largest = Math.max(largest, Math.abs(expected[i]!));
  }
  return difference / largest;
}
