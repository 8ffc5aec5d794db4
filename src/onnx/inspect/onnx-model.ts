/**
 * What an ONNX model is. It is read as it stands, without building our own graph, so that models which Cairn can't
 * compute with are described as well.
 */
import { fromBinary } from '@bufbuild/protobuf';
import {
  TensorProto_DataType as DataType,
  type GraphProto,
  type ModelProto,
  ModelProtoSchema,
  type TensorProto,
  TensorProto_DataLocation,
  type ValueInfoProto,
} from 'onnx-buf';
import { findInterface } from '../gradient/classifier-interface.ts';
import { dataTypeFromCode, isFloat } from '../graph/data-type.ts';
import { type Graph, parseModel } from '../graph/index.ts';
import { elementCount } from '../graph/tensor.ts';
import { countBy } from './count-by.ts';
import type { End, FileFacts, OnnxInspection } from './inspection.ts';

/** @throws {Error} if the bytes are no ONNX model */
export function inspectOnnx(bytes: Uint8Array): Omit<OnnxInspection, keyof FileFacts> {
  const model = decode(bytes);
  const { graph } = model;
  if (graph === undefined || graph.node.length === 0) {
    throw new Error('neither a checkpoint nor an ONNX model (it holds no graph)');
  }
  const constants = constantsOf(graph);
  return {
    format: 'ONNX',
    ...purposeOf(bytes),
    producer: [model.producerName, model.producerVersion].filter((text) => text !== '').join(' '),
    opsets: Object.fromEntries(
      model.opsetImport.map(({ domain, version }) => [domain || 'ai.onnx', Number(version)]),
    ),
    parameters: constants
      .filter(isFloatTensor)
      .reduce((sum, { dims }) => sum + elementCount(dims.map(Number)), 0),
    inputs: graph.input
      .filter(({ name }) => !graph.initializer.some((tensor) => tensor.name === name))
      .map(toEnd),
    outputs: graph.output.map(toEnd),
    operators: operatorsOf(graph),
    externalData: externalFiles(constants),
  };
}

function decode(bytes: Uint8Array): ModelProto {
  try {
    return fromBinary(ModelProtoSchema, bytes as Uint8Array<ArrayBuffer>);
  } catch (error) {
    throw new Error('neither a checkpoint nor an ONNX model', { cause: error });
  }
}

/** What it is good for, as far as Cairn can tell. */
function purposeOf(bytes: Uint8Array): Pick<OnnxInspection, 'kind' | 'unsupported'> {
  try {
    return { kind: kindOf(parseModel(bytes)) };
  } catch (error) {
    return { kind: 'model', unsupported: (error as Error).message };
  }
}

function kindOf(graph: Graph): string {
  const has = (ends: Graph['inputs'], ...names: readonly string[]) =>
    names.every((name) => ends.some((end) => end.name === name));
  if (has(graph.inputs, 'x', 'target') && has(graph.outputs, 'gradient', 'log_probs')) {
    return "gradient of a classifier's log-probabilities";
  }
  if (has(graph.inputs, 'x', 'timestep') && has(graph.outputs, 'output')) {
    return has(graph.inputs, 'low_res') ? 'super-resolution diffusion model' : 'diffusion model';
  }
  try {
    const { timestep } = findInterface(graph);
    return timestep === undefined ? 'classifier' : 'classifier of noisy images';
  } catch {
    return 'model';
  }
}

/** Initializers, and what Constant nodes hold. */
function constantsOf(graph: GraphProto): TensorProto[] {
  const inNodes = graph.node
    .filter(({ opType }) => opType === 'Constant')
    .flatMap(({ attribute }) => attribute.flatMap(({ t }) => t ?? []));
  return [...graph.initializer, ...inNodes];
}

function isFloatTensor({ dataType }: TensorProto): boolean {
  try {
    return isFloat(dataTypeFromCode(dataType, ''));
  } catch {
    return false;
  }
}

function operatorsOf(graph: GraphProto): Record<string, number> {
  const names = graph.node.map(({ domain, opType }) =>
    domain === '' || domain === 'ai.onnx' ? opType : `${domain}.${opType}`,
  );
  return countBy(names.filter((name) => name !== 'Constant'));
}

function externalFiles(constants: readonly TensorProto[]): string[] {
  const locations = constants
    .filter(({ dataLocation }) => dataLocation === TensorProto_DataLocation.EXTERNAL)
    .map(({ externalData }) => externalData.find(({ key }) => key === 'location')?.value ?? '(unnamed)');
  return [...new Set(locations)];
}

function toEnd({ name, type }: ValueInfoProto): End {
  if (type?.value.case !== 'tensorType') return { name, type: type?.value.case ?? 'of unknown type' };
  const { elemType, shape } = type.value.value;
  const open = (axis: number) => `${name}.${axis}`;
  return {
    name,
    type: elementTypeName(elemType),
    ...(shape && {
      shape: shape.dim.map(({ value }, axis) =>
        value.case === 'dimValue' ? Number(value.value) : value.value || open(axis),
      ),
    }),
  };
}

function elementTypeName(code: number): string {
  try {
    return dataTypeFromCode(code, '');
  } catch {
    return (DataType[code] ?? `type ${code}`).toLowerCase();
  }
}
