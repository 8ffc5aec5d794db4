/** From the in-memory graph to the bytes of an .onnx file. */
import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import {
  type AttributeProtoSchema,
  AttributeProto_AttributeType as AttributeType,
  ModelProtoSchema,
  type NodeProtoSchema,
  TensorProto_DataLocation,
  type TensorProtoSchema,
  type ValueInfoProtoSchema,
} from 'onnx-buf';
import type { Attribute } from './attribute.ts';
import { onnxCode } from './data-type.ts';
import type { Graph, GraphNode, Value } from './graph.ts';
import { elementCount, type Tensor, tensorBytes } from './tensor.ts';

/** The first IR version that knows each operator set, so that older engines can read what they could run. */
const IR_VERSIONS: readonly (readonly [opset: number, ir: bigint])[] = [
  [21, 10n],
  [20, 9n],
  [15, 8n],
  [13, 7n],
];

const PRODUCER = 'cairn';

/** protobuf's own limit on a message; larger weights need external data. */
const MAX_MODEL_BYTES = 2 ** 31 - 1;

/** Constants that are kept in another file, and where there. */
export interface ExternalData {
  /** Name of the file, in the model's folder. */
  readonly file: string;
  /** First byte and number of bytes by constant. */
  readonly places: ReadonlyMap<string, { readonly offset: number; readonly length: number }>;
}

/**
 * The same graph always gives the same bytes.
 *
 * @param external constants to be left out; they are not read
 * @throws {Error} if the other weights alone pass protobuf's 2 GB
 */
export function serializeModel(graph: Graph, external?: ExternalData): Uint8Array<ArrayBuffer> {
  let bytes = 0;
  for (const [name, constant] of graph.initializers) {
    if (!external?.places.has(name)) bytes += tensorBytes(constant);
  }
  if (bytes > MAX_MODEL_BYTES) {
    throw new Error(`${graph.name} has ${bytes} bytes of weights; one ONNX file holds ${MAX_MODEL_BYTES}`);
  }
  const model = create(ModelProtoSchema, {
    irVersion: IR_VERSIONS.find(([opset]) => graph.opset >= opset)?.[1] ?? 6n,
    opsetImport: opsetImports(graph),
    producerName: PRODUCER,
    graph: {
      name: graph.name,
      node: graph.nodes.map(toNode),
      initializer: [...graph.initializers].map(([name, constant]) => ({
        name,
        ...(toExternalTensor(name, constant, external) ?? toTensor(constant)),
      })),
      input: graph.inputs.map(toValueInfo),
      output: graph.outputs.map(toValueInfo),
    },
  });
  return toBinary(ModelProtoSchema, model);
}

function opsetImports(graph: Graph) {
  const others = new Set(graph.nodes.map(({ domain }) => domain).filter((domain) => domain !== ''));
  return [
    { domain: '', version: BigInt(graph.opset) },
    ...[...others].sort().map((domain) => ({ domain, version: 1n })),
  ];
}

function toNode(node: GraphNode): MessageInitShape<typeof NodeProtoSchema> {
  const attributes = Object.entries(node.attributes).sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    name: node.name,
    opType: node.opType,
    domain: node.domain,
    input: [...node.inputs],
    output: [...node.outputs],
    attribute: attributes.map(([name, attribute]) => ({ name, ...toAttribute(attribute) })),
  };
}

const utf8 = new TextEncoder();

function toAttribute(attribute: Attribute): MessageInitShape<typeof AttributeProtoSchema> {
  switch (attribute.type) {
    case 'int':
      return { type: AttributeType.INT, i: BigInt(attribute.value) };
    case 'float':
      return { type: AttributeType.FLOAT, f: attribute.value };
    case 'string':
      return { type: AttributeType.STRING, s: utf8.encode(attribute.value) };
    case 'ints':
      return { type: AttributeType.INTS, ints: attribute.value.map(BigInt) };
    case 'floats':
      return { type: AttributeType.FLOATS, floats: [...attribute.value] };
    case 'strings':
      return { type: AttributeType.STRINGS, strings: attribute.value.map((text) => utf8.encode(text)) };
    case 'tensor':
      return { type: AttributeType.TENSOR, t: toTensor(attribute.value) };
  }
}

function toTensor(constant: Tensor): MessageInitShape<typeof TensorProtoSchema> {
  const bytes = constant.bytes();
  const expected = elementCount(constant.dims);
  if (expected > 0 && bytes.byteLength % expected !== 0) {
    throw new Error(`a constant [${constant.dims}] has ${bytes.byteLength} bytes of data`);
  }
  return {
    dims: constant.dims.map(BigInt),
    dataType: onnxCode(constant.dtype),
    rawData: bytes as Uint8Array<ArrayBuffer>,
  };
}

/** undefined for a constant that stays in the model. */
function toExternalTensor(
  name: string,
  constant: Tensor,
  external: ExternalData | undefined,
): MessageInitShape<typeof TensorProtoSchema> | undefined {
  const place = external?.places.get(name);
  if (!external || !place) return undefined;
  return {
    dims: constant.dims.map(BigInt),
    dataType: onnxCode(constant.dtype),
    dataLocation: TensorProto_DataLocation.EXTERNAL,
    externalData: [
      { key: 'location', value: external.file },
      { key: 'offset', value: String(place.offset) },
      { key: 'length', value: String(place.length) },
    ],
  };
}

function toValueInfo(value: Value): MessageInitShape<typeof ValueInfoProtoSchema> {
  const dim = value.shape.map((size) =>
    typeof size === 'number'
      ? { value: { case: 'dimValue' as const, value: BigInt(size) } }
      : { value: { case: 'dimParam' as const, value: size } },
  );
  return {
    name: value.name,
    type: {
      value: { case: 'tensorType', value: { elemType: onnxCode(value.dtype), shape: { dim } } },
    },
  };
}
