import { describe, expect, it } from 'vitest';
import { drawNoise } from '../../../src/core/index.ts';
import { deriveGradient } from '../../../src/onnx/gradient/derive-gradient.ts';
import { type Graph, parseModel, serializeModel } from '../../../src/onnx/graph/index.ts';
import { evaluate } from '../../support/float64/evaluate.ts';
import { largestError, run } from '../run-graph.ts';
import { CLASSES, convolutional, mobileNet, resNet, SIZE } from './tensorflow-graphs.ts';

const IMAGES = 2;
const PIXELS = SIZE * SIZE * 3;
const TARGET = [1, 0, 0, 0, 0, 0.25, 0.5, 0, 0.25, 0];
const DIRECTIONS = 12;
const STEP = 2 ** -11;

/** `[N, C, H, W]` to `[N, H, W, C]`. */
function channelsLast(x: ArrayLike<number>): number[] {
  return Array.from({ length: IMAGES * PIXELS }, (_, at) => {
    const [image, pixel, channel] = [Math.floor(at / PIXELS), Math.floor((at % PIXELS) / 3), at % 3];
    return x[image * PIXELS + channel * SIZE * SIZE + pixel]!;
  });
}

/** log p of each class, in doubles. */
function logProbs(classifier: Graph, x: ArrayLike<number>, normalized: boolean): number[] {
  const answer = evaluate(classifier, {
    'input_1:0': { dims: [IMAGES, SIZE, SIZE, 3], data: channelsLast(x) },
  });
  const scores = [...answer[classifier.outputs[0]!.name]!.data];
  if (normalized) return scores.map(Math.log);
  return scores.map((score, at) => {
    const row = Math.floor(at / CLASSES) * CLASSES;
    return score - Math.log(scores.slice(row, row + CLASSES).reduce((sum, each) => sum + Math.exp(each), 0));
  });
}

describe('the gradient of a classifier as TensorFlow exports it agrees with finite differences in doubles', () => {
  it.each([
    ['MobileNet, operator set 13', mobileNet(13), 'Reshape of Softmax'],
    ['MobileNet, operator set 18', mobileNet(18), 'Reshape of Softmax'],
    ['ResNet, operator set 15', resNet(15), undefined],
    ['fully convolutional, operator set 17', convolutional(17), 'Softmax'],
  ])('%s', async (_, written, head) => {
    const classifier = parseModel(serializeModel(written));
    const { graph, notes } = await deriveGradient(classifier);
    expect(notes.join('\n')).toContain('channels last');
    if (head !== undefined) expect(notes.join('\n')).toContain(`ends in ${head}: the logits are`);
    expect(graph.inputs.map(({ name, shape }) => [name, ...shape.slice(1)])).toEqual([
      ['x', 3, SIZE, SIZE],
      ['target', CLASSES],
    ]);
    const x = [...drawNoise([5], IMAGES * PIXELS, 0)];
    const dims = [IMAGES, 3, SIZE, SIZE];
    const answer = await run(graph, {
      x: { dims, data: x },
      target: { dims: [IMAGES, CLASSES], data: TARGET },
    });
    const at = (point: readonly number[]) => logProbs(written, point, head !== undefined);
    expect(largestError(answer.log_probs!.data, at(x))).toBeLessThan(1e-5);
    const objective = (point: readonly number[]) =>
      at(point).reduce((sum, value, i) => sum + value * TARGET[i]!, 0);
    for (let k = 0; k < DIRECTIONS; k++) {
      const direction = drawNoise([k], IMAGES * PIXELS, 1);
      const along = (step: number) => objective(x.map((value, i) => value + step * direction[i]!));
      const slope = (8 * (along(STEP) - along(-STEP)) - (along(2 * STEP) - along(-2 * STEP))) / (12 * STEP);
      const ours = answer.gradient!.data.reduce((sum, value, i) => sum + value * direction[i]!, 0);
      expect(Math.abs(slope)).toBeGreaterThan(1e-3);
      expect(Math.abs(ours / slope - 1)).toBeLessThan(1e-3);
    }
  });
});
