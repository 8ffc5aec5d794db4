/** Runs a gradient graph of a fixed batch size beside the same graph with a free one. */
import type { Graph, Value } from '../graph/index.ts';
import { withSession } from '../graph-session.ts';
import ort from '../onnxruntime.ts';

/** Two runs of the same arithmetic in another order, relative to the length of the vector. */
const TOLERANCE = 1e-2;

type Answers = Readonly<Record<string, Float32Array>>;

/**
 * Whether a graph with a free batch size gives each of several images what `fixed`, which takes batches of one size,
 * gives it among others. False too if the engine refuses a larger batch.
 */
export async function sameForEachImage(fixed: Graph, batched: Graph): Promise<boolean> {
  const batch = Number(fixed.inputs[0]!.shape[0]);
  const starts = [0, 1];
  const expected = await withSession(fixed, async (session) => {
    const answers: Answers[] = [];
    for (const start of starts) answers.push(await run(session, fixed.inputs, range(start, batch)));
    return answers;
  });
  const together = await withSession(batched, (session) =>
    run(session, fixed.inputs, range(0, batch + 1)).catch(() => undefined),
  );
  if (together === undefined) return false;
  return starts.every((start) =>
    Object.entries(expected[start]!).every(([name, wanted]) => {
      const from = (start * wanted.length) / batch;
      return isClose(together[name]!.subarray(from, from + wanted.length), wanted);
    }),
  );
}

function range(start: number, count: number): number[] {
  return Array.from({ length: count }, (_, index) => start + index);
}

async function run(
  session: ort.InferenceSession,
  inputs: readonly Value[],
  images: readonly number[],
): Promise<Answers> {
  const answers = await session.run(feeds(inputs, images));
  return Object.fromEntries(Object.entries(answers).map(([name, { data }]) => [name, data as Float32Array]));
}

/**
 * Other sums may move a value past a kink of the network (a ReLU, a maximum), which changes the gradient of a few pixels;
 * another image's influence would change them all.
 */
function isClose(actual: Float32Array, expected: Float32Array): boolean {
  if (actual.length !== expected.length) return false;
  const squares = (values: Float32Array) => values.reduce((sum, value) => sum + value ** 2, 0);
  const difference = squares(actual.map((value, i) => value - expected[i]!));
  return Math.sqrt(difference) <= TOLERANCE * Math.sqrt(squares(expected));
}

/** Smooth values that differ from image to image; the target is the first class. */
function feeds(inputs: readonly Value[], images: readonly number[]): Record<string, ort.Tensor> {
  return Object.fromEntries(
    inputs.map(({ name, shape }) => {
      const sizes = shape.slice(1).map(Number);
      const size = sizes.reduce((product, dim) => product * dim, 1);
      const data = images.flatMap((image) =>
        Array.from({ length: size }, (_, i) =>
          name === 'target' ? Number(i === 0) : Math.sin(i * (0.7 + image) + image),
        ),
      );
      return [name, new ort.Tensor('float32', Float32Array.from(data), [images.length, ...sizes])];
    }),
  );
}
