/** Frees the batch size of a graph that was exported for one batch size, mostly 1. */
import type { Graph, GraphNode, Value } from '../graph/index.ts';
import { tensorFrom } from '../graph/index.ts';
import { inferNode } from '../shapes/infer.ts';

/** The name that a freed batch size gets. */
const BATCH = 'N';

/** The first size of every input, if that is a number and the same for all. */
export function fixedBatch({ inputs }: Graph): number | undefined {
  const batch = inputs[0]?.shape[0];
  return typeof batch === 'number' && inputs.every(({ shape }) => shape[0] === batch) ? batch : undefined;
}

/**
 * The same graph for any number of images: the first size of each input becomes a symbol, and a Reshape to a constant
 * `[batch, ...]` keeps the batch size instead.
 *
 * @returns `undefined` if the output does not follow the batch size then. Whether its images are independent is for
 *   the caller to check: a graph may mix them in ways that shapes don't show
 */
export function withDynamicBatch(classifier: Graph, batch: number): Graph | undefined {
  const free = <T extends Value>(value: T): T => ({ ...value, shape: [BATCH, ...value.shape.slice(1)] });
  const inputs = classifier.inputs.map(free);
  const kept = [...classifier.initializers.keys()].map(
    (name) => [name, classifier.values.get(name)!] as const,
  );
  const typed: Graph = {
    ...classifier,
    inputs,
    outputs: classifier.outputs.map(free),
    initializers: new Map(classifier.initializers),
    values: new Map([...kept, ...inputs.map((value) => [value.name, value] as const)]),
  };
  try {
    typed.nodes = classifier.nodes.map((original) => {
      const node = keepBatch(original, typed, batch);
      inferNode(node, typed).forEach((type, index) => {
        const name = node.outputs[index];
        if (name) typed.values.set(name, { name, ...type });
      });
      return node;
    });
  } catch {
    return undefined;
  }
  const followsBatch = typed.outputs.every(({ name }) => typed.values.get(name)?.shape[0] === BATCH);
  return followsBatch ? typed : undefined;
}

/** Reshape of `[N, ...]` to a constant `[batch, ...]`: 0 in its target copies the size. */
function keepBatch(node: GraphNode, graph: Graph, batch: number): GraphNode {
  const [data, target] = node.inputs.map((name) => graph.values.get(name));
  const sizes = target?.elements;
  const fixed = node.opType === 'Reshape' && data?.shape[0] === BATCH && sizes?.[0] === batch;
  const copiesZeros = node.attributes.allowzero?.value !== 1;
  if (!fixed || !copiesZeros || !sizes.every((size) => typeof size === 'number')) return node;
  const name = `${node.name}/any_batch`;
  const constant = tensorFrom('int64', [sizes.length], [0, ...sizes.slice(1)]);
  graph.initializers.set(name, constant);
  graph.values.set(name, { name, dtype: 'int64', shape: [sizes.length], elements: [0, ...sizes.slice(1)] });
  return { ...node, inputs: [node.inputs[0]!, name] };
}
