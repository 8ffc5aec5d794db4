/** Holds a classifier's gradient graph against numbers computed elsewhere. */
import ort from 'onnxruntime-node';
import { parseModel, serializeModel } from '../graph/index.ts';
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
  readonly logProbs: Float32Array;
  /** Like the image: d/dx sum_k target_k log p(k | x, t). */
  readonly gradient: Float32Array;
}

/** Largest absolute differences. */
export interface ClassifierErrors {
  readonly logProbs: number;
  readonly gradient: number;
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
  const graph = buildGradientGraph(parseModel(model), names);
  const session = await ort.InferenceSession.create(serializeModel(graph), { intraOpNumThreads: 1 });
  const [batch = 0] = answers.shape;
  const float = (data: Float32Array, dims: readonly number[]) => new ort.Tensor('float32', data, [...dims]);
  try {
    const { log_probs, gradient } = await session.run({
      x: float(answers.image, answers.shape),
      target: float(answers.target, [batch, answers.target.length / batch]),
      ...(answers.timestep && { timestep: float(answers.timestep, [batch]) }),
    });
    return {
      logProbs: largestDifference(log_probs!.data as Float32Array, answers.logProbs),
      gradient: largestDifference(gradient!.data as Float32Array, answers.gradient),
    };
  } finally {
    await session.release();
  }
}

/** NaN anywhere gives NaN. */
function largestDifference(actual: Float32Array, expected: Float32Array): number {
  if (actual.length !== expected.length) return Number.NaN;
  return actual.reduce((worst, value, i) => Math.max(worst, Math.abs(value - expected[i]!)), 0);
}
