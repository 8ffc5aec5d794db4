/** Runs the resampling of Cairn's networks alone, in onnxruntime-node. */
import { averageDown, batchOf, bilinear, nearestUp } from '../onnx/architectures/resample.ts';
import { Scope } from '../onnx/architectures/scope.ts';
import { Weights } from '../onnx/architectures/weights.ts';
import { GraphBuilder } from '../onnx/graph/index.ts';
import { Tensor } from '../onnx/onnxruntime.ts';
import { type NetworkAnswer, runOnce } from './onnx-networks.ts';

/**
 * @param image `[N, C, h, w]`
 * @param height of the result, where the method leaves a choice
 * @param width likewise
 */
export async function runResampling(
  method: 'bilinear' | 'nearest_x2' | 'avgpool2',
  image: NetworkAnswer,
  height: number,
  width: number,
): Promise<NetworkAnswer> {
  const graph = new GraphBuilder({ name: method });
  const scope = new Scope(graph, new Weights({ tensors: new Map() }), 'float32');
  const x = graph.input('x', 'float32', ['N', ...image.dims.slice(1)]);
  const methods = {
    bilinear: () => bilinear(scope, x, batchOf(scope, x), [image.dims[1]!, height, width]),
    nearest_x2: () => nearestUp(scope, x),
    avgpool2: () => averageDown(scope, x),
  };
  graph.output(methods[method](), 'y');
  const answers = await runOnce(graph.build(), { x: new Tensor('float32', image.data, [...image.dims]) });
  return answers.y!;
}
