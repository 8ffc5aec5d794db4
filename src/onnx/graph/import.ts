/** From the bytes of an .onnx file to the in-memory graph. */
import { fromBinary } from '@bufbuild/protobuf';
import {
  type AttributeProto,
  AttributeProto_AttributeType as AttributeType,
  type GraphProto,
  ModelProtoSchema,
  type NodeProto,
  type TensorProto,
  TensorProto_DataLocation,
  type ValueInfoProto,
} from 'onnx-buf';
import { oneLine } from '../one-line.ts';
import type { Attribute } from './attribute.ts';
import { KnownValues, takenBranch } from './conditionals.ts';
import { byteSize, type DataType, dataTypeFromCode } from './data-type.ts';
import type { Dim } from './dim.ts';
import { type ExternalFiles, externalReference } from './external-data.ts';
import { emptyGraph, type Graph, type GraphNode, type Value } from './graph.ts';
import { elementCount, lazyTensor, type Tensor, tensor, tensorFrom, typeOf } from './tensor.ts';
import { checkWiring } from './wiring.ts';

/**
 * Reads a model. Constant nodes become initializers, an If node the branch that it takes, and the model's own guesses
 * at inner types are dropped in favour of `inferShapes`.
 *
 * @param external where to read constants outside the model; without it a model that has some is refused
 * @throws {Error} if the bytes are no ONNX model, or it uses what Cairn does not support (functions, loops,
 *   conditions that depend on the image, sparse tensors), or its external data can't be read
 */
export function parseModel(bytes: Uint8Array, external?: ExternalFiles): Graph {
  try {
    return readModel(bytes, external);
  } catch (error) {
    if (error instanceof Error) error.message = oneLine(error.message);
    throw error;
  }
}

function readModel(bytes: Uint8Array, external: ExternalFiles | undefined): Graph {
  const model = decode(bytes);
  if (model.graph === undefined) throw new Error('these bytes are not an ONNX model: they hold no graph');
  if (model.functions.length > 0)
    throw new Error('ONNX models with functions of their own are not supported');
  const opset = model.opsetImport.find(({ domain }) => isStandard(domain))?.version;
  if (opset === undefined) throw new Error('the ONNX model does not say which operator set it uses');
  const graph = toGraph(model.graph, Number(opset), (proto) => toTensor(proto, external));
  checkWiring(graph);
  return graph;
}

function decode(bytes: Uint8Array) {
  try {
    return fromBinary(ModelProtoSchema, bytes as Uint8Array<ArrayBuffer>);
  } catch (error) {
    throw new Error(`these bytes are not an ONNX model: ${(error as Error).message}`, { cause: error });
  }
}

/** Reads a constant. */
type ToTensor = (proto: TensorProto) => Tensor;

function toGraph(proto: GraphProto, opset: number, toTensor: ToTensor): Graph {
  if (proto.sparseInitializer.length > 0) throw new Error('sparse initializers are not supported');
  const graph = emptyGraph(proto.name, opset);
  const addConstant = (name: string, constant: Tensor) => {
    graph.initializers.set(name, constant);
    graph.values.set(name, { name, ...typeOf(constant) });
  };
  for (const initializer of proto.initializer) addConstant(initializer.name, toTensor(initializer));
  for (const info of proto.input) {
    if (graph.initializers.has(info.name)) continue;
    const value = toValue(info, `input ${info.name}`);
    graph.inputs.push(value);
    graph.values.set(value.name, value);
  }
  const nameNode = uniqueNames();
  const known = new KnownValues(graph);
  const addNodes = (nodes: readonly NodeProto[]) => {
    for (const node of nodes) {
      const opType = isStandard(node.domain) ? node.opType : undefined;
      if (opType === 'Constant') {
        const [name] = node.output;
        if (name === undefined) throw new Error(`Constant node "${node.name}" has no output`);
        addConstant(name, constantOf(node, toTensor));
      } else if (opType === 'If') {
        const branch = takenBranch(node, known);
        for (const constant of branch.constants) addConstant(constant.name, toTensor(constant));
        addNodes(branch.nodes);
      } else {
        graph.nodes.push(toNode(node, nameNode, toTensor));
      }
    }
  };
  addNodes(proto.node);
  graph.outputs = proto.output.map((info) => {
    // A model may leave the type of an output to those who read it.
    const type = hasShape(info) ? undefined : known.typeOf(info.name);
    return type === undefined ? toValue(info, `output ${info.name}`) : { ...type, name: info.name };
  });
  return graph;
}

function isStandard(domain: string): boolean {
  return domain === '' || domain === 'ai.onnx';
}

/** Nodes may share a name, or have none; ours do not. */
function uniqueNames(): (base: string) => string {
  const taken = new Map<string, number>();
  return (base) => {
    let name = base;
    let count = taken.get(base) ?? 1;
    while (taken.has(name)) name = `${base}_${++count}`;
    taken.set(base, count);
    taken.set(name, taken.get(name) ?? 1);
    return name;
  };
}

function toNode(proto: NodeProto, nameNode: (base: string) => string, toTensor: ToTensor): GraphNode {
  const name = nameNode(
    proto.name || `${proto.opType}/${proto.output.find((output) => output !== '') ?? ''}`,
  );
  return {
    name,
    opType: proto.opType,
    domain: isStandard(proto.domain) ? '' : proto.domain,
    inputs: proto.input,
    outputs: proto.output,
    attributes: Object.fromEntries(
      proto.attribute.map((attribute) => [attribute.name, toAttribute(attribute, name, toTensor)]),
    ),
  };
}

function constantOf(node: NodeProto, toTensor: ToTensor): Tensor {
  const attribute = node.attribute[0];
  switch (attribute?.name) {
    case 'value':
      return toTensor(tensorOf(attribute, node.name));
    case 'value_int':
      return tensor('int64', [], BigInt64Array.of(attribute.i));
    case 'value_ints':
      return tensor('int64', [attribute.ints.length], BigInt64Array.from(attribute.ints));
    case 'value_float':
      return tensorFrom('float32', [], [attribute.f]);
    case 'value_floats':
      return tensorFrom('float32', [attribute.floats.length], attribute.floats);
    default:
      throw new Error(`Constant node "${node.name}" has no value of a supported kind`);
  }
}

const utf8 = new TextDecoder();

function toAttribute(proto: AttributeProto, node: string, toTensor: ToTensor): Attribute {
  switch (proto.type) {
    case AttributeType.INT:
      return { type: 'int', value: Number(proto.i) };
    case AttributeType.FLOAT:
      return { type: 'float', value: proto.f };
    case AttributeType.STRING:
      return { type: 'string', value: utf8.decode(proto.s) };
    case AttributeType.INTS:
      return { type: 'ints', value: proto.ints.map(Number) };
    case AttributeType.FLOATS:
      return { type: 'floats', value: proto.floats };
    case AttributeType.STRINGS:
      return { type: 'strings', value: proto.strings.map((text) => utf8.decode(text)) };
    case AttributeType.TENSOR:
      return { type: 'tensor', value: toTensor(tensorOf(proto, node)) };
    default:
      throw new Error(
        `attribute ${proto.name} of node "${node}" is a ${AttributeType[proto.type]}, which is not supported`,
      );
  }
}

function tensorOf(proto: AttributeProto, node: string): TensorProto {
  if (proto.t === undefined) throw new Error(`attribute ${proto.name} of node "${node}" holds no tensor`);
  return proto.t;
}

function toTensor(proto: TensorProto, external: ExternalFiles | undefined): Tensor {
  const where = `constant ${proto.name || '(unnamed)'}`;
  const dtype = dataTypeFromCode(proto.dataType, where);
  const dims = proto.dims.map(Number);
  if (!dims.every((dim) => Number.isSafeInteger(dim) && dim >= 0)) {
    throw new Error(`${where} has dimensions [${dims}]; expected sizes of 0 or more`);
  }
  const expected = elementCount(dims) * byteSize(dtype);
  if (proto.dataLocation === TensorProto_DataLocation.EXTERNAL) {
    const reference = externalReference(proto, where);
    if (external === undefined) {
      throw new Error(`${where} is stored outside the model file, in ${reference.location}`);
    }
    const { bytes, source } = external.reader(reference, expected, where);
    return lazyTensor(dtype, dims, bytes, source);
  }
  const bytes = proto.rawData.byteLength > 0 ? proto.rawData : packedBytes(proto, dtype);
  if (bytes.byteLength !== expected) {
    throw new Error(
      `${where} [${dims}] of ${dtype} needs ${expected} bytes of data and has ${bytes.byteLength}`,
    );
  }
  return lazyTensor(dtype, dims, () => bytes);
}

/** The data of a tensor that is stored in one of the typed fields: small types share int32_data. */
function packedBytes(proto: TensorProto, dtype: DataType): Uint8Array {
  // Not by way of numbers: INT64_MAX, the exporters' "to the end" of a Slice, would become INT64_MIN.
  if (dtype === 'int64') {
    return tensor(dtype, [proto.int64Data.length], BigInt64Array.from(proto.int64Data)).bytes();
  }
  const bits = dtype === 'float16' || dtype === 'bfloat16' ? 'uint16' : dtype;
  const data =
    dtype === 'float32'
      ? proto.floatData
      : dtype === 'float64'
        ? proto.doubleData
        : dtype === 'uint32' || dtype === 'uint64'
          ? proto.uint64Data.map(Number)
          : proto.int32Data;
  return tensorFrom(bits, [data.length], data).bytes();
}

function hasShape({ type }: ValueInfoProto): boolean {
  return type?.value.case === 'tensorType' && type.value.value.shape !== undefined;
}

function toValue(info: ValueInfoProto, where: string): Value {
  const type = info.type?.value;
  if (type?.case !== 'tensorType') throw new Error(`${where} is not a tensor`);
  const dtype = dataTypeFromCode(type.value.elemType, where);
  if (type.value.shape === undefined) throw new Error(`${where} has no rank`);
  const shape = type.value.shape.dim.map(({ value }, axis): Dim => {
    if (value.case === 'dimValue') {
      const size = Number(value.value);
      if (Number.isSafeInteger(size) && size >= 0) return size;
      throw new Error(`${where} has size ${size} along axis ${axis}; expected 0 or more`);
    }
    return value.case === 'dimParam' && value.value !== '' ? value.value : `${info.name}.${axis}`;
  });
  return { name: info.name, dtype, shape };
}
