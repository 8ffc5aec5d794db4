/** From a classifier's graph to the graph that guides sampling. */
import { describeNode, type Graph, GraphBuilder, type Value } from '../graph/index.ts';
import { withoutDeprecated } from '../graph/modernize.ts';
import { NodeContext } from '../shapes/context.ts';
import { inferShapes } from '../shapes/infer.ts';
import { attentionByHeads } from './attention-by-heads.ts';
import type { Head } from './final-activation.ts';
import { differentiate } from './reverse-mode.ts';

/** The oldest operator set in which axes and splits are inputs, as the rules write them. */
const OLDEST_OPSET = 13;

/** ScatterElements adds since 16 and LayerNormalization is there since 17; nothing between 13 and 17 changes meaning. */
const WRITTEN_OPSET = 17;

export interface ClassifierNames {
  /** Input `[N, C, H, W]`. */
  readonly image: string;
  /** Input `[N]`, for a classifier of noisy images. */
  readonly timestep?: string;
  /** Output `[N, K]`: unnormalised log-probabilities. */
  readonly logits: string;
}

/**
 * The gradient of log p(y | x_t, t) that classifier guidance adds (Dhariwal and Nichol 2021, section 4), for any
 * weighting of the classes.
 *
 * - in: `x` [N, C, H, W], `timestep` [N] (if the classifier has one), `target` [N, K]
 * - out: `gradient` [N, C, H, W] = d/dx sum_k target_k log p(k | x, t), and `log_probs` [N, K]
 *
 * @param head what makes probabilities of the logits
 * @throws {Error} if a name is not there, the logits are not [N, K], an operator on the path from the logits to the
 *   image has no gradient rule, or the operator set is older than 13
 */
export function buildGradientGraph(classifier: Graph, names: ClassifierNames, head: Head = 'softmax'): Graph {
  const typed = attentionByHeads(inferShapes(prepare(withoutDeprecated(classifier), names)));
  const extended = GraphBuilder.extend(typed);
  const { builder: g, lookup } = extended;
  const [output] = typed.outputs as [Value];
  const logits = lookup(output.name)!;
  const [batch, classes] = logits.shape;
  if (logits.shape.length !== 2 || batch === undefined || classes === undefined) {
    throw new Error(`${names.logits} must be logits [N, K], and has rank ${logits.shape.length}`);
  }
  const target = g.input('target', logits.dtype, [batch, classes]);
  if (head === 'softmax' && classes === 1) {
    throw new Error(`${names.logits} has one class: a softmax over it is always 1, and its gradient 0`);
  }
  const logProbs = head === 'softmax' ? g.op('LogSoftmax', [logits], { axis: -1 }) : logSigmoid(g, logits);
  const gradient = differentiate({
    extended,
    contextOf: (node) => new NodeContext(node, typed),
    output: logits,
    seed: g.scope('gradient', () =>
      head === 'softmax' ? logSoftmaxSeed(g, logProbs, target) : logSigmoidSeed(g, logits, target),
    ),
    input: lookup('x')!,
  });
  g.output(gradient, 'gradient');
  g.output(logProbs, 'log_probs');
  return g.build();
}

/** d/dlogits sum_k target_k log_probs_k = target - probs sum_k target_k. */
function logSoftmaxSeed(g: GraphBuilder, logProbs: Value, target: Value): Value {
  const total = g.reduce('ReduceSum', target, [1]);
  return g.op('Sub', [target, g.op('Mul', [g.op('Exp', [logProbs]), total])]);
}

/** -log(1 + exp(-logits)) */
function logSigmoid(g: GraphBuilder, logits: Value): Value {
  return g.op('Neg', [g.op('Softplus', [g.op('Neg', [logits])])]);
}

/** d/dlogits sum_k target_k log sigmoid(logits_k) = target (1 - sigmoid(logits)). */
function logSigmoidSeed(g: GraphBuilder, logits: Value, target: Value): Value {
  return g.op('Mul', [target, g.op('Sigmoid', [g.op('Neg', [logits])])]);
}

/** Gives image and timestep their names here, and leaves out every other output. */
function prepare(classifier: Graph, { image, timestep, logits }: ClassifierNames): Graph {
  if (classifier.opset < OLDEST_OPSET) {
    throw new Error(
      `operator set ${classifier.opset} is not supported; export with ${OLDEST_OPSET} or newer`,
    );
  }
  const foreign = classifier.nodes.find(({ domain }) => domain !== '');
  if (foreign !== undefined) throw new Error(`${describeNode(foreign)} is not a standard operator`);
  const inputs = [image, ...(timestep === undefined ? [] : [timestep])];
  requireNames('input', inputs, classifier.inputs);
  requireNames('output', [logits], classifier.outputs);
  const extra = classifier.inputs.find(({ name }) => !inputs.includes(name));
  if (extra !== undefined)
    throw new Error(`the classifier has an input that is neither image nor timestep: ${extra.name}`);
  const renamed: Graph = {
    ...classifier,
    opset: Math.max(classifier.opset, WRITTEN_OPSET),
    outputs: classifier.outputs.filter(({ name }) => name === logits),
  };
  return renameValues(
    renamed,
    new Map([[image, 'x'], ...(timestep === undefined ? [] : [[timestep, 'timestep'] as const])]),
  );
}

function requireNames(kind: string, wanted: readonly string[], present: readonly Value[]): void {
  const missing = wanted.find((name) => !present.some((value) => value.name === name));
  if (missing === undefined) return;
  const list = present.map(({ name }) => name).join(', ');
  throw new Error(`the classifier has no ${kind} named ${missing}; it has ${list}`);
}

/** The names of the finished graph's own inputs and outputs, which an inner value must not have. */
const RESERVED = ['x', 'timestep', 'target', 'gradient', 'log_probs'];

/** Inner values that happen to have one of the reserved names make way. */
function renameValues(graph: Graph, inputs: ReadonlyMap<string, string>): Graph {
  const rename = (name: string) =>
    inputs.get(name) ?? (RESERVED.includes(name) ? `classifier/${name}` : name);
  const renameValue = <T extends { name: string }>(value: T): T => ({ ...value, name: rename(value.name) });
  return {
    ...graph,
    inputs: graph.inputs.map(renameValue),
    outputs: graph.outputs.map(renameValue),
    initializers: new Map([...graph.initializers].map(([name, constant]) => [rename(name), constant])),
    nodes: graph.nodes.map((node) => ({
      ...node,
      inputs: node.inputs.map(rename),
      outputs: node.outputs.map(rename),
    })),
    values: new Map([...graph.values.values()].map(renameValue).map((value) => [value.name, value])),
  };
}
