/** How a classifier turns its scores into probabilities, when the exported graph does so itself. */
import type { Graph, GraphNode } from '../graph/index.ts';
import { inferShapes } from '../shapes/infer.ts';

/**
 * - softmax: one class per image, log p(k) = logits_k - log sum_j exp logits_j
 * - sigmoid: classes that don't exclude each other, log p(k) = log sigmoid(logits_k)
 */
export type Head = 'softmax' | 'sigmoid';

export interface HeadlessClassifier {
  /** The graph with the scores themselves as its only output. */
  readonly classifier: Graph;
  /** Name of the output: unnormalised. It is that of the classifier's own where more follows the activation. */
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
  const plain = { ...classifier, outputs };
  return (
    withoutInnerHead(plain, output, producers) ?? {
      classifier: plain,
      logits: output,
      head: 'softmax',
      removed: [],
    }
  );
}

/** What leaves the numbers and their order as they are; exporters put them behind the activation too. */
const RESHAPING = new Set(['Identity', 'Reshape', 'Squeeze', 'Unsqueeze', 'Flatten']);

/** The same for an activation that only reshaping follows: it lets its input through. */
function withoutInnerHead(
  classifier: Graph,
  output: string,
  producers: ReadonlyMap<string, GraphNode>,
): HeadlessClassifier | undefined {
  const after: string[] = [];
  let node = producers.get(output);
  while (node !== undefined && node.domain === '' && RESHAPING.has(node.opType)) {
    after.push(node.opType);
    node = producers.get(node.inputs[0]!);
  }
  if (node === undefined || node.domain !== '') return undefined;
  const sigmoid = node.opType === 'Sigmoid';
  if (!sigmoid && !(isSoftmax(node) && spansClasses(node, classifier))) return undefined;
  const through: GraphNode = { ...node, opType: 'Identity', attributes: {} };
  return {
    classifier: { ...classifier, nodes: classifier.nodes.map((each) => (each === node ? through : each)) },
    logits: output,
    head: sigmoid ? 'sigmoid' : 'softmax',
    removed: [...after, node.opType],
  };
}

/** Whether the classes are all that an image has there, as in `[N, 1, 1, K]`. */
function spansClasses(node: GraphNode, classifier: Graph): boolean {
  const shape = inferShapes(classifier).values.get(node.inputs[0]!)?.shape ?? [];
  const axis = softmaxAxis(node, classifier.opset);
  const classes = axis < 0 ? axis + shape.length : axis;
  return classes > 0 && shape.every((size, at) => at === 0 || at === classes || size === 1);
}

function isSoftmax({ opType }: GraphNode): boolean {
  return opType === 'Softmax' || opType === 'LogSoftmax';
}

function softmaxAxis({ attributes }: GraphNode, opset: number): number {
  return attributes.axis?.type === 'int' ? attributes.axis.value : opset >= 13 ? -1 : 1;
}

function overClasses(node: GraphNode, opset: number): boolean {
  return isSoftmax(node) && [1, -1].includes(softmaxAxis(node, opset));
}
