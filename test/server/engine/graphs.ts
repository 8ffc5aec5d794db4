/** Graphs whose runs take as long, or as much memory, as their input says. */
import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { GraphFile } from '../../../src/models/manifest.ts';
import { replaceFolder } from '../../../src/onnx/convert/model-folder.ts';
import { writeGraph as writeLarge } from '../../../src/onnx/convert/write-graph.ts';
import { GraphBuilder, serializeModel, tensorFrom, type Value } from '../../../src/onnx/graph/index.ts';
import type { EngineModel, EngineOptions } from '../../../src/server/engine/engine.ts';
import { Engine } from '../../../src/server/engine/engine.ts';
import { BufferPool } from '../../../src/server/http/buffer-pool.ts';
import type { TensorsByName } from '../../../src/server/model-runner.ts';
import { IMAGE } from '../tiny-model.ts';

const PRODUCTS = 40;

/** output = x, after {@link longWay}. */
export function slowGraph(dtype: 'float32' | 'float16' = 'float32'): Uint8Array {
  const g = new GraphBuilder({ name: 'slow' });
  const x = g.input('x', dtype, ['N', 2]);
  const factor = longWay(g, g.input('size', dtype, ['N']));
  g.output(g.op('Mul', [x, g.op('Cast', [factor], { to: dtype === 'float16' ? 10 : 1 })]), 'output');
  return serializeModel(g.build());
}

/** A diffusion model of the tiny models' images: output = [x, x], after {@link longWay} with the timestep. */
export function slowDiffusion(): Uint8Array {
  const g = new GraphBuilder({ name: 'slow-diffusion' });
  const x = g.input('x', 'float32', ['N', IMAGE.channels, IMAGE.height, IMAGE.width]);
  const same = g.op('Mul', [x, longWay(g, g.input('timestep', 'float32', ['N']))]);
  g.output(g.op('Concat', [same, same], { axis: 1 }), 'output');
  return serializeModel(g.build());
}

/** 1, by products of square matrices with `size` + 1 rows: the work goes with its cube, the memory with its square. */
function longWay(g: GraphBuilder, size: Value): Value {
  const first = g.op('Gather', [size, g.ints([0])]);
  const rows = g.op('Add', [g.op('Cast', [first], { to: 1 }), g.constant([1])]);
  const count = g.op('Cast', [rows], { to: 7 });
  // Every row sums to one, so a product with itself changes nothing.
  let matrix = g.op('Expand', [g.op('Reciprocal', [rows]), g.op('Concat', [count, count], { axis: 0 })]);
  for (let i = 0; i < PRODUCTS; i++) matrix = g.op('MatMul', [matrix, matrix]);
  const sum = g.op('Reshape', [g.op('ReduceSum', [matrix], { keepdims: 0 }), g.ints([1])]);
  return g.op('Add', [g.op('Mul', [sum, g.constant([0])]), g.constant([1])]);
}

export async function writeGraph(folder: string, bytes: Uint8Array, file = 'slow.onnx'): Promise<GraphFile> {
  await writeFile(join(folder, file), bytes);
  return {
    file,
    bytes: bytes.byteLength,
    sha256: createHash('sha256').update(bytes).digest('hex'),
  };
}

/**
 * A large graph, with its weights in a file of their own: `output` of x [N, 2] and of its product with ones,
 * [N, 4096].
 *
 * @param folder is made
 */
export function writeLargeGraph(
  folder: string,
  output: (g: GraphBuilder, x: Value, product: Value) => Value,
): Promise<GraphFile> {
  const g = new GraphBuilder({ name: 'large' });
  const x = g.input('x', 'float32', ['N', 2]);
  const ones = g.initializer('weights', tensorFrom('float32', [2, 4096], Array(8192).fill(1)));
  g.output(output(g, x, g.op('MatMul', [x, ones])), 'output');
  return replaceFolder(folder, (writer) => writeLarge(writer, 'large.onnx', g.build(), { externalFrom: 1 }));
}

export function slowModel(folder: string, file: GraphFile): EngineModel {
  const float = (name: string, shape: number[]) => ({ name, datatype: 'FP32' as const, shape });
  const signature = {
    inputs: [float('x', [-1, 2]), float('size', [-1])],
    outputs: [float('output', [-1, 2])],
  };
  return {
    folder,
    graphs: [{ graph: 'diffusion', file, signature }],
    settings: { provider: 'cpu', device: 0, threads: 1, arena: true },
  };
}

export function openEngine(
  model: EngineModel,
  options: Partial<EngineOptions> = {},
  signal = new AbortController().signal,
): Promise<Engine> {
  return Engine.open(
    model,
    {
      slots: 1,
      runLimitMs: 60_000,
      memoryLimitBytes: null,
      pool: new BufferPool(2 ** 26),
      restartMs: 20,
      warmUpSizes: [1],
      log: { info: () => {}, warn: () => {} },
      ...options,
    },
    signal,
  );
}

/** One row that is to come back as it is. */
export function slowInputs(size: number, row: readonly number[] = [1.5, -2]): TensorsByName {
  const x = { name: 'x', datatype: 'FP32' as const, shape: [1, row.length], data: Float32Array.from(row) };
  const sizes = { name: 'size', datatype: 'FP32' as const, shape: [1], data: Float32Array.of(size) };
  return new Map([x, sizes].map((tensor) => [tensor.name, tensor]));
}
