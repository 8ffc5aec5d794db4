/**
 * What an ONNX model is. It is read as it stands, without building our own graph, so that models which Cairn can't
 * compute with are described as well.
 */
import { stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
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
import { digestFile } from '../digest-file.ts';
import { findInterface } from '../gradient/classifier-interface.ts';
import { dataTypeFromCode, isFloat } from '../graph/data-type.ts';
import { ExternalFiles, locateInside } from '../graph/external-data.ts';
import { type Graph, parseModel } from '../graph/index.ts';
import { readModelStructure } from '../graph/open-model.ts';
import { NOT_A_MODEL } from '../graph/structure.ts';
import { elementCount } from '../graph/tensor.ts';
import { countBy } from './count-by.ts';
import type { End, ExternalFile, FileFacts, OnnxInspection } from './inspection.ts';

/** @throws {Error} if the file is no ONNX model */
export async function inspectOnnx(path: string): Promise<Omit<OnnxInspection, keyof FileFacts>> {
  const structure = readStructure(path);
  const model = decode(structure);
  const { graph } = model;
  if (graph === undefined || graph.node.length === 0) {
    throw new Error('neither a checkpoint nor an ONNX model (it holds no graph)');
  }
  const constants = constantsOf(graph);
  return {
    format: 'ONNX',
    ...purposeOf(structure, path),
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
    externalData: await externalFiles(constants, path),
  };
}

function readStructure(path: string): Uint8Array<ArrayBuffer> {
  try {
    return readModelStructure(path);
  } catch (error) {
    const { message } = error as Error;
    throw message.startsWith(NOT_A_MODEL) ? neither(error) : error;
  }
}

function decode(structure: Uint8Array<ArrayBuffer>): ModelProto {
  try {
    return fromBinary(ModelProtoSchema, structure);
  } catch (error) {
    throw neither(error);
  }
}

function neither(cause: unknown): Error {
  return new Error('neither a checkpoint nor an ONNX model', { cause });
}

/** What it is good for, as far as Cairn can tell. */
function purposeOf(structure: Uint8Array, path: string): Pick<OnnxInspection, 'kind' | 'unsupported'> {
  using files = new ExternalFiles(dirname(path));
  try {
    return { kind: kindOf(parseModel(structure, files)) };
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

/** The model itself holds what its structure leaves out. */
async function externalFiles(constants: readonly TensorProto[], path: string): Promise<ExternalFile[]> {
  const locations = constants
    .filter(({ dataLocation }) => dataLocation === TensorProto_DataLocation.EXTERNAL)
    .map(({ externalData }) => externalData.find(({ key }) => key === 'location')?.value ?? '(unnamed)');
  const others = new Set(locations.filter((location) => location !== basename(path)));
  return Promise.all([...others].map((file) => describeFile(dirname(path), file)));
}

async function describeFile(folder: string, file: string): Promise<ExternalFile> {
  try {
    const inside = locateInside(folder, file);
    return { file, bytes: (await stat(inside)).size, sha256: await digestFile(inside) };
  } catch {
    // Why not is said by `unsupported`.
    return { file };
  }
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
