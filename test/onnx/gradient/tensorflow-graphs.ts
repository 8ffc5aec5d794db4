/**
 * Classifiers laid out as TensorFlow's converter (tf2onnx) lays them out: images `[N, H, W, C]`, Transposes around the
 * convolutions, batch norms folded or as Mul and Add, Relu6 as Clip or as Min of Max, sizes computed in int32.
 */
import { type Graph, GraphBuilder, tensorFrom, type Value } from '../../../src/onnx/graph/index.ts';
import { gridValues } from './finite-differences.ts';

export const SIZE = 9;
export const CLASSES = 5;

class Layers {
  readonly g: GraphBuilder;
  #seed = 0;

  constructor(g: GraphBuilder) {
    this.g = g;
  }

  weight(dims: readonly number[], shift = 0): Value {
    const count = dims.reduce((product, size) => product * size, 1);
    const scale = 2 / Math.sqrt(dims.slice(1).reduce((product, size) => product * size, 1)) / (count / 20);
    this.#seed += 7;
    const grid = gridValues(count).map((_, i, all) => all[(i + this.#seed) % count]! * scale + shift);
    return this.g.constantTensor(tensorFrom('float32', dims, grid));
  }

  scalar(value: number): Value {
    return this.g.constant(Math.fround(value));
  }

  toChannelsFirst(x: Value): Value {
    return this.g.op('Transpose', [x], { perm: [0, 3, 1, 2] });
  }

  toChannelsLast(x: Value): Value {
    return this.g.op('Transpose', [x], { perm: [0, 2, 3, 1] });
  }

  conv(x: Value, to: number, kernel: number, attributes: object = {}): Value {
    const from = Number(x.shape[1]);
    return this.g.op('Conv', [x, this.weight([to, from, kernel, kernel]), this.weight([to])], {
      kernel_shape: [kernel, kernel],
      auto_pad: 'SAME_UPPER',
      ...attributes,
    });
  }

  /** A batch norm that was not folded: what follows a depthwise convolution in old converters. */
  scaleAndShift(x: Value): Value {
    const channels = [1, Number(x.shape[1]), 1, 1];
    const scaled = this.g.op('Mul', [x, this.weight(channels, 1)]);
    return this.g.op('Add', [scaled, this.weight(channels)]);
  }

  depthwise(x: Value, attributes: object): Value {
    const channels = Number(x.shape[1]);
    return this.g.op('Conv', [x, this.weight([channels, 1, 3, 3], 0.2)], { group: channels, ...attributes });
  }

  relu6(x: Value, form: 'clip' | 'min-max'): Value {
    const [zero, six] = [this.scalar(0), this.scalar(6)];
    return form === 'clip'
      ? this.g.op('Clip', [x, zero, six])
      : this.g.op('Min', [this.g.op('Max', [x, zero]), six]);
  }

  hardSigmoid(x: Value): Value {
    return this.g.op('Mul', [this.relu6(this.g.op('Add', [x, this.scalar(3)]), 'clip'), this.scalar(1 / 6)]);
  }

  dense(x: Value, to: number): Value {
    const product = this.g.op('MatMul', [x, this.weight([Number(x.shape[1]), to])]);
    return this.g.op('Add', [product, this.weight([to])]);
  }
}

function start(opset: number): { layers: Layers; g: GraphBuilder; image: Value } {
  const g = new GraphBuilder({ name: 'tf2onnx', opset });
  return { layers: new Layers(g), g, image: g.input('input_1:0', 'float32', ['unk__7', SIZE, SIZE, 3]) };
}

/** MobileNetV3: inverted residuals, squeeze and excitation, hard-swish; softmax over the last axis, then the reshape of TF-Slim. */
export function mobileNet(opset: number): Graph {
  const { layers, g, image } = start(opset);
  g.scope('StatefulPartitionedCall/mobilenet', () => {
    // Preprocessing of the Keras model, with channels last.
    const scaled = g.op('Sub', [g.op('Mul', [image, layers.scalar(1.25)]), layers.scalar(0.1)]);
    // ZeroPadding2D, then a convolution without padding.
    const padded = g.op('Pad', [layers.toChannelsFirst(scaled), g.ints([0, 0, 0, 0, 0, 0, 1, 1])]);
    const stem = layers.conv(padded, 4, 3, { strides: [2, 2], auto_pad: 'VALID' });
    const swished = g.op('Mul', [stem, layers.hardSigmoid(stem)]);
    const expanded = layers.relu6(layers.conv(swished, 6, 1), 'clip');
    const depthwise = layers.scaleAndShift(layers.depthwise(expanded, { auto_pad: 'SAME_UPPER' }));
    const filtered = layers.relu6(depthwise, 'min-max');
    const squeezed = g.reduce('ReduceMean', filtered, [2, 3]);
    const gate = layers.hardSigmoid(layers.conv(g.op('Relu', [layers.conv(squeezed, 3, 1)]), 6, 1));
    const excited = layers.conv(g.op('Mul', [filtered, gate]), 4, 1);
    const residual = g.op('Add', [swished, excited]);
    const pooled = g.op('Squeeze', [g.reduce('ReduceMean', residual, [2, 3]), g.ints([2, 3])]);
    const scores = g.op('Reshape', [layers.dense(pooled, CLASSES), g.ints([-1, 1, 1, CLASSES])]);
    const probabilities = g.op('Softmax', [scores], { axis: -1 });
    g.output(g.op('Reshape', [probabilities, g.ints([-1, CLASSES])]), 'Predictions/Reshape_1:0');
  });
  return g.build();
}

/** A small ResNet that ends in Flatten: its shape is computed from the batch size, in int32 as TensorFlow has it. */
export function resNet(opset: number): Graph {
  const { layers, g, image } = start(opset);
  g.scope('StatefulPartitionedCall/resnet', () => {
    const stem = g.op('Relu', [layers.conv(layers.toChannelsFirst(image), 4, 3, { strides: [2, 2] })]);
    const pooled = g.op('MaxPool', [stem], {
      kernel_shape: [2, 2],
      strides: [2, 2],
      auto_pad: 'SAME_UPPER',
    });
    const branch = layers.conv(g.op('Tanh', [layers.conv(pooled, 4, 3)]), 4, 3);
    const block = layers.toChannelsLast(g.op('Relu', [g.op('Add', [branch, pooled])]));
    const [height, width] = block.shape.slice(1, 3).map(Number) as [number, number];
    const shape = g.cast(g.op('Shape', [block]), 'int32');
    const batch = g.op('Slice', [shape, g.ints([0]), g.ints([1]), g.ints([0])]);
    const target = g.op('Concat', [batch, g.constant([height * width * 4], 'int32')], { axis: 0 });
    const flat = g.op('Reshape', [block, g.cast(target, 'int64')]);
    g.output(layers.dense(g.op('Relu', [layers.dense(flat, 7)]), CLASSES), 'StatefulPartitionedCall:0');
  });
  return g.build();
}

/** Fully convolutional: the scores are `[N, 1, 1, K]`, as is the softmax over them. */
export function convolutional(opset: number): Graph {
  const { layers, g, image } = start(opset);
  g.scope('StatefulPartitionedCall/fcn', () => {
    const features = g.op('Elu', [layers.conv(layers.toChannelsFirst(image), 6, 3, { strides: [3, 3] })]);
    const averaged = g.op('AveragePool', [features], {
      kernel_shape: [2, 2],
      strides: [2, 2],
      auto_pad: 'SAME_UPPER',
    });
    const pooled = g.op('GlobalAveragePool', [averaged]);
    const scores = layers.toChannelsLast(layers.conv(pooled, CLASSES, 1));
    g.output(g.op('Softmax', [scores], { axis: -1 }), 'StatefulPartitionedCall:0');
  });
  return g.build();
}
