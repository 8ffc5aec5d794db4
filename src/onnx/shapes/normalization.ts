/** Shapes of normalisation layers. */
import { like, type ShapeRule } from './context.ts';

/** Mean and inverse standard deviation keep the rank, with ones on the normalised axes. */
const layerNormalization: ShapeRule = (node) => {
  const { shape } = node.input(0);
  const axis = node.axis('axis', -1, shape.length);
  const statistics = shape.map((dim, index) => (index < axis ? dim : 1));
  return [...like(node, shape), ...like(node, statistics, 'float32'), ...like(node, statistics, 'float32')];
};

const sameAsInput: ShapeRule = (node) => like(node, node.input(0).shape);

export const normalization: Readonly<Record<string, ShapeRule>> = {
  LayerNormalization: layerNormalization,
  InstanceNormalization: sameAsInput,
  GroupNormalization: sameAsInput,
  BatchNormalization: sameAsInput,
  LRN: sameAsInput,
  LpNormalization: sameAsInput,
  MeanVarianceNormalization: sameAsInput,
};
