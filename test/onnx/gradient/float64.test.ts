/** The loops that stand in for onnxruntime in double precision, held against onnxruntime in single precision. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Graph,
  type GraphBuilder,
  type Value,
  withoutDeadNodes,
} from '../../../src/onnx/graph/index.ts';
import { erf } from '../../support/float64/erf.ts';
import { evaluate, evaluatedOperators } from '../../support/float64/evaluate.ts';
import { load } from '../run-graph.ts';
import { type Case, valuesFor, withGradient } from './finite-differences.ts';
import { RANDOM_CASES } from './random/index.ts';

const RUNS = 6;
/** Relative to the largest element. */
const TOLERANCE = 2e-5;

const seen = new Set<string>();

/** The graph, or its result alone, as far as the loops have its operators: they need not have all. */
function covered(graph: Graph): Graph | undefined {
  const result = withoutDeadNodes({ ...graph, outputs: graph.outputs.slice(0, 1) });
  return [graph, result].find(({ nodes }) =>
    nodes.every(({ opType }) => evaluatedOperators.includes(opType)),
  );
}

/** The largest difference of result and gradient. */
async function difference(test: Case): Promise<number | undefined> {
  const { graph: whole, y } = withGradient(test, 'float32');
  const graph = covered(whole);
  if (graph === undefined) return undefined;
  for (const { opType } of graph.nodes) seen.add(opType);
  const feeds = valuesFor(test, y, 'float32');
  const [actual, expected] = [evaluate(graph, { ...feeds }), await (await load(graph))({ ...feeds })];
  const differences = graph.outputs.map(({ name }) => {
    const [ours, theirs] = [actual[name]!, expected[name]!];
    expect(ours.dims).toEqual(theirs.dims);
    const scale = Math.max(1, ...theirs.data.map(Math.abs));
    return Math.max(0, ...theirs.data.map((value, i) => Math.abs(value - ours.data[i]!) / scale));
  });
  return Math.max(...differences);
}

describe('loops in double precision agree with onnxruntime', () => {
  it.each(Object.entries(RANDOM_CASES))('over random cases of %s', async (_, cases) => {
    await fc.assert(
      fc.asyncProperty(cases, async (test) => {
        const worst = await difference(test);
        if (worst !== undefined) expect(worst).toBeLessThanOrEqual(TOLERANCE);
      }),
      { numRuns: RUNS, seed: 1964 },
    );
  });

  it('over sizes computed in the graph', async () => {
    const shape = [2, 3, 4];
    const build = (g: GraphBuilder, x: Value) => {
      const first = g.op('Slice', [g.op('Shape', [x]), g.ints([0]), g.ints([1])]);
      return g.op('Reshape', [x, g.op('Concat', [first, g.ints([-1])], { axis: 0 })]);
    };
    expect(await difference({ shape, build })).toBeLessThanOrEqual(TOLERANCE);
  });

  it.each(['nearest', 'linear', 'cubic'])('over a scale that changes no size, %s', async (mode) => {
    const build = (g: GraphBuilder, x: Value) =>
      g.op('Resize', [x, undefined, g.constant([1, 1, 1.2, 1.4])], { mode });
    expect(await difference({ shape: [1, 1, 3, 2], build })).toBeLessThanOrEqual(TOLERANCE);
  });

  it('in every operator that they have', () => {
    expect([...seen].sort()).toEqual(evaluatedOperators);
  });
});

it.each([
  [0.1, 0.1124629160182849],
  [1, 0.8427007929497149],
  [2.9, 0.9999589021219005],
  [3.1, 0.9999883513426328],
  [-1.5, -0.9661051464753108],
])('erf(%d) to the last bits', (x, expected) => {
  expect(Math.abs(erf(x) / expected - 1)).toBeLessThan(1e-14);
});
