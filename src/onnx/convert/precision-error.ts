/** How far a graph in less than float32 lies from the same graph in float32. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { drawNoise } from '../../core/index.ts';
import type { Graph } from '../graph/index.ts';
import type { FolderWriter } from './model-folder.ts';
import { type WriteGraphOptions, writeGraph } from './write-graph.ts';

/** Largest difference of an output, and its largest value in float32. */
export interface PrecisionError {
  readonly output: string;
  readonly error: number;
  readonly largest: number;
}

/** A timestep in the middle, where images are half noise. */
const TIMESTEP = 500;
/** Sizes that a graph leaves open: one image, and the smaller image of an upsampler. */
const OPEN_SIZES: Readonly<Record<string, number>> = { N: 1, h: 32, w: 32 };

/**
 * Runs both on one image of noise. The float32 graph lies in the folder while that takes, and is removed.
 *
 * @param file of the graph that was written, in the folder
 * @param exact the same graph in float32
 */
export async function measurePrecision(
  folder: FolderWriter,
  file: string,
  exact: Graph,
  options: WriteGraphOptions,
): Promise<PrecisionError[]> {
  const written = await writeGraph(folder, `float32-${file}`, exact, {
    ...options,
    onBytes: () => undefined,
  });
  const expected = await answersOf(join(folder.path, written.file), exact);
  await rm(join(folder.path, written.file));
  if (written.data) await rm(join(folder.path, written.data.file));
  const actual = await answersOf(join(folder.path, file), exact);
  return [...expected].map(([output, values]) => {
    let [error, largest] = [0, 0];
    for (const [i, value] of values.entries()) {
      error = Math.max(error, Math.abs(value - actual.get(output)![i]!));
      largest = Math.max(largest, Math.abs(value));
    }
    return { output, error, largest };
  });
}

async function answersOf(path: string, { inputs }: Graph): Promise<Map<string, Float32Array>> {
  // Imported here: a conversion in float32 runs nothing.
  const { InferenceSession, Tensor } = await import('../onnxruntime.ts');
  const session = await InferenceSession.create(path, { logSeverityLevel: 3 });
  try {
    const feeds = inputs.map(({ name, dtype, shape }) => {
      const dims = shape.map((dim) => (typeof dim === 'number' ? dim : (OPEN_SIZES[dim] ?? 1)));
      const count = dims.reduce((product, dim) => product * dim, 1);
      const tensor =
        dtype === 'int32'
          ? new Tensor('int32', new Int32Array(count), dims)
          : new Tensor('float32', valuesOf(name, count), dims);
      return [name, tensor] as const;
    });
    const answers = await session.run(Object.fromEntries(feeds));
    return new Map(Object.entries(answers).map(([name, { data }]) => [name, data as Float32Array]));
  } finally {
    await session.release();
  }
}

function valuesOf(input: string, count: number): Float32Array {
  if (input === 'timestep') return new Float32Array(count).fill(TIMESTEP);
  if (input === 'target') return Float32Array.from({ length: count }, (_, index) => (index === 0 ? 1 : 0));
  return drawNoise([0], count, 0);
}
