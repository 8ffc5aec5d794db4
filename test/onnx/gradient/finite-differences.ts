/** Holds gradients against central differences of the same graph, in double precision. */
import { differentiate } from '../../../src/onnx/gradient/reverse-mode.ts';
import { DEFAULT_OPSET, type Graph, GraphBuilder, type Value } from '../../../src/onnx/graph/index.ts';
import { NodeContext } from '../../../src/onnx/shapes/context.ts';
import { evaluate } from '../../support/float64/evaluate.ts';
import { type Answer, type Feed, load } from '../run-graph.ts';

/** What runs a case in doubles: onnxruntime, or plain loops where it has an operator in single precision only. */
export type Engine64 = 'onnxruntime' | 'loops';

/** One function of x to differentiate. */
export interface Case {
  readonly shape: readonly number[];
  readonly build: (g: GraphBuilder, x: Value) => Value;
  /** Values of x; by default a shuffled grid around 0 that keeps away from 0, 1, 3 and other kinks. */
  readonly values?: (count: number) => number[];
  /** What is done to the graph before it is differentiated. */
  readonly rewrite?: (typed: Graph) => Graph;
  /** Operator set, if not the usual one. */
  readonly opset?: number;
  /** Where onnxruntime rounds to float32 on the way, whatever it is given. */
  readonly rounded?: true;
}

/** Of the differences. */
const STEP = 2 ** -10;
/** How far from them the gradient may be, relative to its largest element. */
const TOLERANCE = 1e-7;

export interface Comparison {
  readonly engine: Engine64;
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
export function withGradient(test: Case, dtype: 'float64' | 'float32'): { graph: Graph; y: Value } {
  const { shape, build, opset = DEFAULT_OPSET } = test;
  const g = new GraphBuilder({ name: 'case', opset });
  const x = g.input('x', dtype, shape);
  g.output(build(g, x), 'y');
  const typed = test.rewrite === undefined ? g.build() : test.rewrite(g.build());
  const extended = GraphBuilder.extend(typed);
  const { builder, lookup } = extended;
  const y = lookup('y')!;
  const gradient = differentiate({
    extended,
    contextOf: (node) => new NodeContext(node, typed),
    output: y,
    seed: builder.input('w', dtype, y.shape),
    input: lookup('x')!,
  });
  builder.output(y, 'result');
  builder.output(gradient, 'gradient');
  return { graph: builder.build(), y };
}

export async function compare(test: Case): Promise<Comparison> {
  const { graph, y } = withGradient(test, 'float64');
  const { engine, run } = await loadInDoubles(graph, test);
  const { x, w } = valuesFor(test, y);
  const weighted = async (values: readonly number[]) => {
    const { result } = await run({ x: { ...x, data: values }, w });
    return result!.data.reduce((sum, value, i) => sum + value * w.data[i]!, 0);
  };
  const expected: number[] = [];
  for (let i = 0; i < x.data.length; i++) {
    const at = (shift: number) => weighted(x.data.with(i, x.data[i]! + shift));
    const near = (await at(STEP)) - (await at(-STEP));
    const far = (await at(2 * STEP)) - (await at(-2 * STEP));
    expected.push((8 * near - far) / (12 * STEP));
  }
  const gradient = (await run({ x, w })).gradient!.data;
  const scale = Math.max(1, ...expected.map(Math.abs));
  const differences = expected.map((value, i) => Math.abs(value - gradient[i]!) / (scale * TOLERANCE));
  const error = differences.some(Number.isNaN) ? Number.NaN : Math.max(...differences);
  return { engine, gradient, expected, error };
}

interface Values extends Feed {
  readonly data: readonly number[];
}

/** Values of x, and weights w for the sum over y. */
export function valuesFor(
  test: Case,
  y: Value,
  dtype: 'float64' | 'float32' = 'float64',
): { x: Values; w: Values } {
  const dims = y.shape as number[];
  const [count, outputs] = [test.shape, dims].map((sizes) =>
    sizes.reduce((product, size) => product * size, 1),
  ) as [number, number];
  const weights = gridValues(outputs).map((value, i) => value / (1 + outputs / 20) + (i % 3) / 4 + 0.1);
  return {
    x: { dtype, dims: test.shape, data: (test.values ?? gridValues)(count) },
    w: { dtype, dims, data: weights },
  };
}

interface Loaded {
  readonly engine: Engine64;
  readonly run: (feeds: {
    x: Feed;
    w: Feed;
  }) => Promise<Readonly<Record<string, Answer>>> | Readonly<Record<string, Answer>>;
}

async function loadInDoubles(graph: Graph, { rounded }: Case): Promise<Loaded> {
  try {
    if (!rounded) return { engine: 'onnxruntime', run: await load(graph) };
  } catch (error) {
    if (!/Could not find an implementation|tensor\(double\)/.test(String(error))) throw error;
  }
  const run: Loaded['run'] = (feeds) =>
    Object.fromEntries(
      Object.entries(evaluate(graph, { ...feeds })).map(([name, { dims, data }]) => [
        name,
        { dims, data: [...data] },
      ]),
    );
  return { engine: 'loops', run };
}
