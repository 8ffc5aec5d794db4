/** Runs graphs in onnxruntime, for tests. */
import { type DataType, type Graph, serializeModel } from '../../src/onnx/graph/index.ts';
import ort from '../../src/onnx/onnxruntime.ts';

export interface Feed {
  readonly dtype?: 'float32' | 'float64' | 'int64' | 'bool';
  readonly dims: readonly number[];
  readonly data: readonly number[] | Float32Array | Float64Array;
}

export interface Answer {
  readonly dims: readonly number[];
  readonly data: readonly number[];
}

export type Runner = (feeds: Readonly<Record<string, Feed>>) => Promise<Readonly<Record<string, Answer>>>;

/** Loads a graph once, for many runs. */
export async function load(graph: Graph): Promise<Runner> {
  const session = await ort.InferenceSession.create(serializeModel(graph), {
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    logSeverityLevel: 4,
  });
  return async (feeds) => {
    const tensors = Object.entries(feeds).map(([name, feed]) => [name, toTensor(feed)] as const);
    const answers = await session.run(Object.fromEntries(tensors));
    return Object.fromEntries(
      Object.entries(answers).map(([name, { dims, data }]) => [
        name,
        { dims, data: Array.from(data as Iterable<number | bigint>, Number) },
      ]),
    );
  };
}

export async function run(
  graph: Graph,
  feeds: Readonly<Record<string, Feed>> = {},
): Promise<Readonly<Record<string, Answer>>> {
  return (await load(graph))(feeds);
}

function toTensor({ dtype = 'float32', dims, data }: Feed): ort.Tensor {
  switch (dtype satisfies DataType) {
    case 'float64':
      return new ort.Tensor('float64', Float64Array.from(data), [...dims]);
    case 'int64':
      return new ort.Tensor('int64', BigInt64Array.from(Array.from(data, BigInt)), [...dims]);
    case 'bool':
      return new ort.Tensor('bool', Uint8Array.from(data), [...dims]);
    default:
      return new ort.Tensor('float32', Float32Array.from(data), [...dims]);
  }
}

/** The largest absolute difference; NaN anywhere gives NaN. */
export function largestError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) return Number.NaN;
  let worst = 0;
  for (let i = 0; i < actual.length; i++) {
    const error = Math.abs(actual[i]! - expected[i]!);
    if (!(error <= worst)) worst = error;
  }
  return worst;
}
