/** Holds gradients against central differences of the same graph, in double precision where the engine has it. */
import { differentiate } from '../../../src/onnx/gradient/reverse-mode.ts';
import { DEFAULT_OPSET, type Graph, GraphBuilder, type Value } from '../../../src/onnx/graph/index.ts';
import { NodeContext } from '../../../src/onnx/shapes/context.ts';
import { load, type Runner } from '../run-graph.ts';

export type Precision = 'float64' | 'float32';

/** One function of x to differentiate. */
export interface Case {
  readonly shape: readonly number[];
  readonly build: (g: GraphBuilder, x: Value) => Value;
  /** Values of x; by default a shuffled grid around 0 that keeps away from 0, 1, 3 and other kinks. */
  readonly values?: (count: number) => number[];
  /** Operator set, if not the usual one. */
  readonly opset?: number;
  /** Where the function itself rounds to float32. */
  readonly precision?: Precision;
}

/** Step of the differences, and how far from them the gradient may be, relative to its largest element. */
const PRECISION = {
  float64: { step: 2 ** -10, tolerance: 1e-7 },
  float32: { step: 2 ** -6, tolerance: 2e-3 },
} as const;

export interface Comparison {
  readonly precision: Precision;
  readonly gradient: readonly number[];
  readonly expected: readonly number[];
  /** Largest difference in units of the tolerance: at most 1 is right. */
  readonly error: number;
}

/** Elements at odd multiples of 0.05, shuffled by a fixed rule: never within 0.05 of a kink at a round number. */
export function gridValues(count: number): number[] {
  const grid = Array.from({ length: count }, (_, i) => (2 * (i - Math.floor(count / 2)) + 1) / 20);
  let state = 12345;
  for (let i = count - 1; i > 0; i--) {
    state = (state * 1103515245 + 12345) % 2 ** 31;
    const j = state % (i + 1);
    [grid[i], grid[j]] = [grid[j]!, grid[i]!];
  }
  return grid;
}

export const positiveValues = (count: number): number[] => gridValues(count).map((x) => Math.abs(x) + 0.5);

/** The graph y = f(x), and next to it the gradient of sum(w * y) for an input w. */
export function withGradient(test: Case, precision: Precision): { graph: Graph; y: Value } {
  const { shape, build, opset = DEFAULT_OPSET } = test;
  const g = new GraphBuilder({ name: 'case', opset });
  const x = g.input('x', precision, shape);
  g.output(build(g, x), 'y');
  const typed = g.build();
  const extended = GraphBuilder.extend(typed);
  const { builder, lookup } = extended;
  const y = lookup('y')!;
  const gradient = differentiate({
    extended,
    contextOf: (node) => new NodeContext(node, typed),
    output: y,
    seed: builder.input('w', precision, y.shape),
    input: lookup('x')!,
  });
  builder.output(y, 'result');
  builder.output(gradient, 'gradient');
  return { graph: builder.build(), y };
}

export async function compare(test: Case): Promise<Comparison> {
  const [precision, run, y] = await loadInBestPrecision(test);
  const count = test.shape.reduce((product, size) => product * size, 1);
  const x = (test.values ?? gridValues)(count);
  const outputs = (y.shape as number[]).reduce((product, size) => product * size, 1);
  const w = gridValues(outputs).map((value, i) => value / (1 + outputs / 20) + (i % 3) / 4 + 0.1);
  const feeds = (values: readonly number[]) => ({
    x: { dtype: precision, dims: test.shape, data: values },
    w: { dtype: precision, dims: y.shape as number[], data: w },
  });
  const weighted = async (values: readonly number[]) => {
    const { result } = await run(feeds(values));
    return result!.data.reduce((sum, value, i) => sum + value * w[i]!, 0);
  };
  const { step, tolerance } = PRECISION[precision];
  const expected: number[] = [];
  for (let i = 0; i < count; i++) {
    const at = (shift: number) => weighted(x.with(i, x[i]! + shift));
    const near = (await at(step)) - (await at(-step));
    const far = (await at(2 * step)) - (await at(-2 * step));
    expected.push((8 * near - far) / (12 * step));
  }
  const { gradient } = await run(feeds(x));
  const scale = Math.max(1, ...expected.map(Math.abs));
  const differences = expected.map((value, i) => Math.abs(value - gradient!.data[i]!) / (scale * tolerance));
  const error = differences.some(Number.isNaN) ? Number.NaN : Math.max(...differences);
  return { precision, gradient: gradient!.data, expected, error };
}

async function loadInBestPrecision(test: Case): Promise<[Precision, Runner, Value]> {
  try {
    if (test.precision === 'float32') throw new Error('float32 was asked for');
    const { graph, y } = withGradient(test, 'float64');
    return ['float64', await load(graph), y];
  } catch (error) {
    if (
      !/NOT_IMPLEMENTED|Could not find an implementation|INVALID_GRAPH|float32|double/.test(String(error))
    ) {
      throw error;
    }
    const { graph, y } = withGradient(test, 'float32');
    return ['float32', await load(graph), y];
  }
}
