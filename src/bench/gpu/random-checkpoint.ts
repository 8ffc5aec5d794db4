/** A checkpoint with random weights: what a step costs does not depend on them. */
import { open } from 'node:fs/promises';
import { stateDictOf } from '../../onnx/architectures/build-model.ts';
import type { ArchitectureOptions } from '../../onnx/architectures/options.ts';

/**
 * Writes a safetensors file with the state dict of an architecture, one tensor in memory at a time. The same options
 * always give the same bytes.
 *
 * @returns how many parameters it has
 */
export async function writeRandomCheckpoint(path: string, options: ArchitectureOptions): Promise<number> {
  const shapes = stateDictOf(options);
  const entries: Record<string, { dtype: 'F32'; shape: readonly number[]; data_offsets: [number, number] }> =
    {};
  let end = 0;
  for (const [name, shape] of shapes) {
    const begin = end;
    end += 4 * count(shape);
    entries[name] = { dtype: 'F32', shape, data_offsets: [begin, end] };
  }
  const header = Buffer.from(JSON.stringify(entries));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));

  const file = await open(path, 'w');
  try {
    await file.writev([length, header]);
    let seed = 1;
    for (const [name, shape] of shapes) await file.writeFile(randomTensor(name, shape, seed++));
  } finally {
    await file.close();
  }
  return end / 4;
}

function count(shape: readonly number[]): number {
  return shape.reduce((product, dim) => product * dim, 1);
}

/** Norms near one, biases near zero, the rest scaled by its fan-in, so that activations stay finite. */
function randomTensor(name: string, shape: readonly number[], seed: number): Float32Array<ArrayBuffer> {
  const values = new Float32Array(count(shape));
  const isVector = shape.length === 1;
  const centre = isVector && name.endsWith('weight') ? 1 : 0;
  const width = isVector ? 0.1 : Math.sqrt(3 / count(shape.slice(1)));
  // xorshift32 (Marsaglia 2003): half a billion values in seconds.
  let state = (seed * 0x9e3779b9) | 0 || 1;
  for (let i = 0; i < values.length; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    values[i] = centre + (width * state) / 2 ** 31;
  }
  return values;
}
