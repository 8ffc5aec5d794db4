/** From a classifier that Cairn did not build to its gradient graph, saying what had to be done on the way. */
import { type Graph, type Shape, withoutDeadNodes } from '../graph/index.ts';
import { withoutDeprecated } from '../graph/modernize.ts';
import { inferShapes } from '../shapes/infer.ts';
import { type AdaptedClassifier, adaptInterface } from './adapt-interface.ts';
import { sameForEachImage } from './check-batch.ts';
import { findInterface, type InterfaceHints } from './classifier-interface.ts';
import { fixedBatch, withDynamicBatch } from './dynamic-batch.ts';
import { type Head, withoutHead } from './final-activation.ts';
import { buildGradientGraph, type ClassifierNames } from './gradient-graph.ts';
import { type Normalization, normalizeImage } from './normalize-image.ts';
import { operatorsOnPath } from './path.ts';

export interface DeriveOptions {
  readonly hints?: InterfaceHints;
  /** Height and width, for a classifier that leaves them open. */
  readonly imageSize?: readonly [height: number, width: number];
  /** Of the image, where they are known: tells [N, C, H, W] from [N, H, W, C] for sure. */
  readonly channels?: number;
  /** What the classifier's images get before they reach it, if that is not in its graph. */
  readonly normalization?: Normalization;
}

export interface DerivedGradient {
  /** Takes `x`, `timestep` (if the classifier does) and `target`; gives `gradient` and `log_probs`. */
  readonly graph: Graph;
  /** What the classifier calls them. */
  readonly names: ClassifierNames;
  readonly head: Head;
  /** How many nodes of each operator lie between the image and the logits. */
  readonly operators: ReadonlyMap<string, number>;
  /** What was changed or decided, in words. */
  readonly notes: readonly string[];
}

/**
 * Finds image, timestep and logits, takes the logits before a final Softmax, frees a fixed batch size where the graph
 * allows it, and differentiates.
 *
 * @throws {InterfaceError} if the inputs or outputs are ambiguous or not there
 * @throws {Error} naming the operator and its node, where a rule is missing or does not cover the case
 */
export async function deriveGradient(model: Graph, options: DeriveOptions = {}): Promise<DerivedGradient> {
  const notes: string[] = [];
  const found = findInterface(model, options.hints);
  const { classifier: headless, logits, head, removed } = withoutHead(withoutDeprecated(model), found.logits);
  if (removed.length > 0) notes.push(headNote(removed, found.logits, logits));
  const names = { ...found, logits };
  const pruned = withoutDeadNodes(headless);
  const used = { ...pruned, inputs: pruned.inputs.filter(({ name }) => isNamed(names, name)) };
  const sized = options.imageSize === undefined ? used : withImageSize(used, names.image, options.imageSize);
  const adapted = normalized(
    adaptInterface(inferShapes(sized), names, options.channels),
    options.normalization,
  );
  notes.push(...adapted.notes);
  const build = (classifier: Graph): Graph => buildOrExplain(classifier, adapted.names, head);
  const single = build(adapted.classifier);
  const batch = fixedBatch(adapted.classifier);
  const graph =
    batch === undefined ? single : await freeBatch(adapted.classifier, batch, single, build, notes);
  const typed = inferShapes(adapted.classifier);
  return {
    graph,
    names: found,
    head,
    operators: operatorsOnPath(typed, adapted.names.image, adapted.names.logits),
    notes,
  };
}

function buildOrExplain(classifier: Graph, names: ClassifierNames, head: Head): Graph {
  try {
    return buildGradientGraph(classifier, names, head);
  } catch (error) {
    const open = classifier.inputs.some(({ shape }) =>
      shape.slice(2).some((size) => typeof size !== 'number'),
    );
    if (!open || !/must be known|known size/.test((error as Error).message)) throw error;
    throw new Error(
      `${(error as Error).message}; the classifier leaves its image size open: say which with --size`,
      {
        cause: error,
      },
    );
  }
}

function isNamed(names: ClassifierNames, name: string): boolean {
  return name === names.image || name === names.timestep;
}

function headNote(removed: readonly string[], output: string, logits: string): string {
  const operators = removed.join(' of ');
  const scores = logits === output ? 'what goes into that' : `its input, ${logits}`;
  return removed.includes('Sigmoid')
    ? `${output} ends in ${operators}: classes do not exclude each other; log p(k) = log sigmoid of ${scores}`
    : `${output} ends in ${operators}: the logits are ${scores}`;
}

function withImageSize(graph: Graph, image: string, [height, width]: readonly [number, number]): Graph {
  const fix = <T extends { name: string; shape: Shape }>(value: T): T => {
    if (value.name !== image) return value;
    const sizes = [height, width];
    let open = 0;
    // Channels may be last; what is open after the batch is height, then width.
    return {
      ...value,
      shape: value.shape.map((size, axis) =>
        axis === 0 || typeof size === 'number' ? size : (sizes[open++] ?? size),
      ),
    };
  };
  const inputs = graph.inputs.map(fix);
  const values = new Map(graph.values);
  for (const value of inputs) values.set(value.name, value);
  return { ...graph, inputs, values };
}

function normalized(adapted: AdaptedClassifier, normalization: Normalization | undefined): AdaptedClassifier {
  if (normalization === undefined) return adapted;
  const { mean, std } = normalization;
  return {
    ...adapted,
    classifier: normalizeImage(adapted.classifier, adapted.names.image, normalization),
    notes: [...adapted.notes, `x in [-1, 1] becomes ((x + 1) / 2 - ${mean}) / ${std} first`],
  };
}

async function freeBatch(
  classifier: Graph,
  batch: number,
  single: Graph,
  build: (classifier: Graph) => Graph,
  notes: string[],
): Promise<Graph> {
  const kept = (why: string) => {
    notes.push(`the batch size stays ${batch}: ${why}`);
    return single;
  };
  if (single.inputs.some(({ shape }) => shape.slice(1).some((size) => typeof size !== 'number'))) {
    return kept('other sizes of its inputs are open');
  }
  const freed = withDynamicBatch(classifier, batch);
  if (freed === undefined) return kept('sizes in the graph depend on it');
  let graph: Graph;
  try {
    graph = build(freed);
  } catch (error) {
    return kept((error as Error).message);
  }
  if (!(await sameForEachImage(single, graph))) return kept('a larger batch gave other answers');
  notes.push(`the batch size was ${batch} and is free now: an image gets the same answer in a larger batch`);
  return graph;
}
