/** Holds a classifier's gradient graph against numbers computed elsewhere. */
import { parseModel, serializeModel } from '../graph/index.ts';
import ort from '../onnxruntime.ts';
import { buildGradientGraph, type ClassifierNames } from './gradient-graph.ts';

/** One batch of inputs and what another implementation makes of them, row-major float32. */
export interface ClassifierAnswers {
  /** `[N, C, H, W]` */
  readonly shape: readonly number[];
  readonly image: Float32Array;
  /** `[N]`, if the classifier takes it. */
  readonly timestep?: Float32Array;
  /** `[N, K]` */
  readonly target: Float32Array;
  /** `[N, K]`, as the model itself gives them; not compared if absent. */
  readonly logits?: ArrayLike<number>;
  /** `[N, K]` */
  readonly logProbs: ArrayLike<number>;
  /** Like the image: d/dx sum_k target_k log p(k | x, t). */
  readonly gradient: ArrayLike<number>;
  /** The same computed in float64; not compared if absent. */
  readonly gradientInDouble?: ArrayLike<number>;
}

/** Largest absolute differences; 0 for what was not compared. */
export interface ClassifierErrors {
  readonly logits: number;
  readonly logProbs: number;
  readonly gradient: number;
  readonly gradientInDouble: number;
}

/**
 * Derives the gradient graph of a classifier in ONNX form, runs it, and compares.
 *
 * @throws {Error} if the model can't be read or differentiated
 */
export async function checkClassifier(
  model: Uint8Array,
  names: ClassifierNames,
  answers: ClassifierAnswers,
): Promise<ClassifierErrors> {
  const [batch = 0] = answers.shape;
  const float = (data: Float32Array, dims: readonly number[]) => new ort.Tensor('float32', data, [...dims]);
  const x = float(answers.image, answers.shape);
  const timestep = answers.timestep && float(answers.timestep, [batch]);
  const target = float(answers.target, [batch, answers.target.length / batch]);
  const graph = buildGradientGraph(parseModel(model), names);
  const guided = await run(serializeModel(graph), { x, target, ...(timestep && { timestep }) });
  const compare = (actual: ort.Tensor | undefined, expected: ArrayLike<number> | undefined) =>
    expected === undefined ? 0 : largestDifference(actual!.data as Float32Array, expected);
  const plain = answers.logits && (await run(model, namedInputs(names, x, timestep)));
  return {
    logits: compare(plain?.[names.logits], answers.logits),
    logProbs: compare(guided.log_probs, answers.logProbs),
    gradient: compare(guided.gradient, answers.gradient),
    gradientInDouble: compare(guided.gradient, answers.gradientInDouble),
  };
}

/** What the model itself is fed. */
function namedInputs(names: ClassifierNames, x: ort.Tensor, timestep: ort.Tensor | undefined) {
  const feeds: Record<string, ort.Tensor> = { [names.image]: x };
  if (names.timestep !== undefined && timestep !== undefined) feeds[names.timestep] = timestep;
  return feeds;
}

async function run(model: Uint8Array, feeds: Readonly<Record<string, ort.Tensor>>) {
  const session = await ort.InferenceSession.create(model, { intraOpNumThreads: 1 });
  try {
    return await session.run(feeds);
  } finally {
    await session.release();
  }
}

/** NaN anywhere gives NaN. */
function largestDifference(actual: Float32Array, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) return Number.NaN;
  return actual.reduce((worst, value, i) => Math.max(worst, Math.abs(value - expected[i]!)), 0);
}
