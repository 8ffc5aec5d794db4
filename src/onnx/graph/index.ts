/** The ONNX graph: build it, read it, write it. */
export type { Attribute, AttributeInput, Attributes } from './attribute.ts';
export { DEFAULT_OPSET, type ExtendedGraph, GraphBuilder, type GraphBuilderOptions } from './builder.ts';
export { withoutDeadNodes } from './cleanup.ts';
export type { DataType, NumericArray } from './data-type.ts';
export type { Dim, Shape } from './dim.ts';
export { type ExternalData, serializeModel } from './export.ts';
export { describeNode, type Graph, type GraphNode, type Value, type ValueType } from './graph.ts';
export { parseModel } from './import.ts';
export { type OpenModel, openModel } from './open-model.ts';
export {
  elements,
  isUniform,
  lazyTensor,
  type Tensor,
  tensor,
  tensorBytes,
  tensorFrom,
  tensorSource,
  toNumbers,
} from './tensor.ts';
