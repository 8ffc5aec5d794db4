/** Frees the batch size of a graph that was exported for one batch size, mostly 1. */
import type { Graph, Value } from '../graph/index.ts';
import { inferNode } from '../shapes/infer.ts';
import { keepBatch } from './keep-batch.ts';

/** The name that a freed batch size gets. */
const BATCH = 'N';

/** The first size of every input, if that is a number and the same for all. */
export function fixedBatch({ inputs }: Graph): number | undefined {
  const batch = inputs[0]?.shape[0];
  return typeof batch === 'number' && inputs.every(({ shape }) => shape[0] === batch) ? batch : undefined;
}

/**
 * The same graph for any number of images: the first size of each input becomes a symbol, and nodes that name the
 * batch size follow it instead.
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
    typed.nodes = classifier.nodes.flatMap((original) => {
      const nodes = keepBatch(original, typed, { symbol: BATCH, size: batch });
      for (const node of nodes) {
        inferNode(node, typed).forEach((type, index) => {
          const name = node.outputs[index];
          if (name) typed.values.set(name, { name, ...type });
        });
      }
      return nodes;
    });
  } catch {
    return undefined;
  }
  const followsBatch = typed.outputs.every(({ name }) => typed.values.get(name)?.shape[0] === BATCH);
  return followsBatch ? typed : undefined;
}
