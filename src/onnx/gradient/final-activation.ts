/** How a classifier turns its scores into probabilities, when the exported graph does so itself. */
import type { Graph, GraphNode } from '../graph/index.ts';

/**
 * - softmax: one class per image, log p(k) = logits_k - log sum_j exp logits_j
 * - sigmoid: classes that don't exclude each other, log p(k) = log sigmoid(logits_k)
 */
export type Head = 'softmax' | 'sigmoid';

export interface HeadlessClassifier {
  /** The graph with the scores themselves as its only output. */
  readonly classifier: Graph;
  /** Name of the output: unnormalised. */
  readonly logits: string;
  readonly head: Head;
  /** The operators that were left out, the last one first; empty if the output was unnormalised already. */
  readonly removed: readonly string[];
}

/** Leaves out a final Softmax, LogSoftmax, Log of Softmax or Sigmoid: the gradient starts from what they normalise. */
export function withoutHead(classifier: Graph, output: string): HeadlessClassifier {
  const producers = new Map(classifier.nodes.flatMap((node) => node.outputs.map((name) => [name, node])));
  const through = (name: string): string => {
    const node = producers.get(name);
    return node?.opType === 'Identity' && node.domain === '' ? through(node.inputs[0]!) : name;
  };
  const cut = (from: GraphNode, head: Head, removed: readonly string[]): HeadlessClassifier => {
    const logits = from.inputs[0]!;
    const value = classifier.outputs.find(({ name }) => name === output)!;
    return { classifier: { ...classifier, outputs: [{ ...value, name: logits }] }, logits, head, removed };
  };
  const last = producers.get(through(output));
  if (last !== undefined && last.domain === '') {
    if (last.opType === 'Sigmoid') return cut(last, 'sigmoid', ['Sigmoid']);
    if (overClasses(last, classifier.opset)) return cut(last, 'softmax', [last.opType]);
    const before = last.opType === 'Log' ? producers.get(through(last.inputs[0]!)) : undefined;
    if (before?.opType === 'Softmax' && overClasses(before, classifier.opset)) {
      return cut(before, 'softmax', ['Log', 'Softmax']);
    }
  }
  const outputs = classifier.outputs.filter(({ name }) => name === output);
  return { classifier: { ...classifier, outputs }, logits: output, head: 'softmax', removed: [] };
}

function overClasses({ opType, attributes }: GraphNode, opset: number): boolean {
  if (opType !== 'Softmax' && opType !== 'LogSoftmax') return false;
  const fallback = opset >= 13 ? -1 : 1;
  const axis = attributes.axis?.type === 'int' ? attributes.axis.value : fallback;
  return axis === 1 || axis === -1;
}
