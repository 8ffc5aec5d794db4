/** Runs a gradient graph on two images together and alone. */
import ort from 'onnxruntime-node';
import { type Graph, serializeModel, type Value } from '../graph/index.ts';

/** Two runs of the same arithmetic in another order. */
const TOLERANCE = 1e-3;

/**
 * Whether a graph with a free batch size gives each of two images what `single`, which takes one image, gives it.
 * False too if the engine refuses a batch of two.
 */
export async function sameForEachImage(single: Graph, batched: Graph): Promise<boolean> {
  const options = { logSeverityLevel: 4 } as const;
  const alone = await ort.InferenceSession.create(serializeModel(single), options);
  try {
    const together = await ort.InferenceSession.create(serializeModel(batched), options);
    try {
      const answers = await together.run(feeds(single.inputs, [0, 1])).catch(() => undefined);
      if (answers === undefined) return false;
      for (const image of [0, 1]) {
        const expected = await alone.run(feeds(single.inputs, [image]));
        for (const [name, tensor] of Object.entries(expected)) {
          const wanted = tensor.data as Float32Array;
          const size = wanted.length;
          const actual = (answers[name]!.data as Float32Array).subarray(image * size, (image + 1) * size);
          if (!isClose(actual, wanted)) return false;
        }
      }
      return true;
    } finally {
      await together.release();
    }
  } finally {
    await alone.release();
  }
}

function isClose(actual: Float32Array, expected: Float32Array): boolean {
  const scale = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return (
    actual.length === expected.length &&
    actual.every((value, i) => Math.abs(value - expected[i]!) <= TOLERANCE * scale)
  );
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
