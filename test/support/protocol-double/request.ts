/** An inference request, read as strictly as Triton's HTTP front end reads it. */
import type { IncomingHttpHeaders } from 'node:http';
import type { ModelConfig, TensorConfig } from './model-config.ts';
import { CODECS, CONFIG_TYPES, elements, fromBlob, type WireTensor } from './tensor.ts';

/** Answered 400 with this message. */
export class BadRequest extends Error {}

export interface InferRequest {
  id: string | undefined;
  inputs: WireTensor[];
  batch: number;
  /** In the request's order; all of the model's if it names none. */
  outputs: { name: string; binary: boolean }[];
}

interface JsonTensor {
  name: string;
  datatype: string;
  shape: number[];
  data?: unknown[];
  parameters?: { binary_data_size?: number };
}

interface JsonRequest {
  id?: string;
  parameters?: { binary_data_output?: boolean };
  inputs?: JsonTensor[];
  outputs?: { name: string; parameters?: { binary_data?: boolean } }[];
}

/** @throws {BadRequest} */
export function readRequest(headers: IncomingHttpHeaders, body: Buffer, config: ModelConfig): InferRequest {
  const declared = headers['inference-header-content-length'];
  const length = declared === undefined ? body.length : Number(declared);
  if (!Number.isInteger(length) || length < 0 || length > body.length) {
    throw new BadRequest(
      `failed to parse HTTP request, header length ${declared} of a body of ${body.length} bytes`,
    );
  }
  const json = parseJson(body.subarray(0, length));
  const blobs = { bytes: body.subarray(length), used: 0, framed: declared !== undefined };
  const inputs = (json.inputs ?? []).map((input) => readInput(input, blobs, config));
  if (blobs.used !== blobs.bytes.length) {
    throw new BadRequest(`unexpected additional input data for model '${config.name}'`);
  }
  return {
    id: json.id,
    inputs,
    batch: checkInputs(inputs, config),
    outputs: readOutputs(json, config),
  };
}

function parseJson(bytes: Buffer): JsonRequest {
  try {
    return JSON.parse(bytes.toString('utf8')) as JsonRequest;
  } catch {
    throw new BadRequest('failed to parse the request JSON buffer');
  }
}

function readInput(
  { name, datatype, shape, data, parameters }: JsonTensor,
  blobs: { bytes: Buffer; used: number; framed: boolean },
  config: ModelConfig,
): WireTensor {
  const input = config.input.find((candidate) => candidate.name === name);
  if (input === undefined)
    throw new BadRequest(`unexpected inference input '${name}' for model '${config.name}'`);
  const expected = CONFIG_TYPES[input.data_type]!;
  if (datatype !== expected) {
    throw new BadRequest(
      `inference input '${name}' data-type is '${datatype}', but model '${config.name}' expects '${expected}'`,
    );
  }
  if (!Array.isArray(shape) || !shape.every((dim) => Number.isInteger(dim) && dim >= 0)) {
    throw new BadRequest(`Unable to parse 'shape' of input '${name}'`);
  }
  const size = parameters?.binary_data_size;
  if (size === undefined) {
    if (expected === 'FP16') {
      throw new BadRequest(
        `receiving FP16 data via JSON is not supported. Please use the binary data format for input ${name}`,
      );
    }
    const values = (data as unknown[] | undefined)?.flat(shape.length) as number[] | undefined;
    if (values?.length !== elements(shape)) {
      throw new BadRequest(`Unable to parse 'data': Shape does not match true shape of 'data' field`);
    }
    return { name, datatype: expected, shape, data: CODECS[expected].from(values) };
  }
  if (!blobs.framed) {
    throw new BadRequest(
      `must specify valid 'Infer-Header-Content-Length' in request header and 'binary_data_size' when passing inputs in binary data format`,
    );
  }
  if (blobs.used + size > blobs.bytes.length) {
    throw new BadRequest(`unexpected end of binary data at input '${name}' for model '${config.name}'`);
  }
  const wanted = CODECS[expected].size * elements(shape);
  if (size !== wanted) {
    throw new BadRequest(
      `input byte size mismatch for input '${name}' for model '${config.name}'. Expected ${wanted}, got ${size}`,
    );
  }
  const blob = blobs.bytes.subarray(blobs.used, blobs.used + size);
  blobs.used += size;
  return { name, datatype: expected, shape, data: fromBlob(expected, blob) };
}

/** @returns the batch size */
function checkInputs(inputs: readonly WireTensor[], config: ModelConfig): number {
  const { name: model, max_batch_size: limit } = config;
  const names = inputs.map(({ name }) => name);
  const missing = config.input.map(({ name }) => name).filter((name) => !names.includes(name));
  if (missing.length > 0 || names.length !== config.input.length) {
    throw new BadRequest(
      `expected ${config.input.length} inputs but got ${names.length} inputs for model '${model}'. Got input(s) ['${names.join("','")}'], but missing required input(s) ['${missing.join("','")}']. Please provide all required input(s).`,
    );
  }
  const batch = inputs[0]?.shape[0] ?? 0;
  for (const { name, shape } of inputs) {
    if (shape.length === 0) {
      throw new BadRequest(`input '${name}' has no shape but model requires batch dimension for '${model}'`);
    }
    if (shape[0] !== batch) {
      throw new BadRequest(`input '${name}' batch size does not match other inputs for '${model}'`);
    }
  }
  if (batch > limit) throw new BadRequest(`inference request batch-size must be <= ${limit} for '${model}'`);
  if (batch < 1) throw new BadRequest(`inference request batch-size must be >= 1 for '${model}'`);
  for (const { name, shape } of inputs) {
    const { dims } = config.input.find((candidate) => candidate.name === name) as TensorConfig;
    if (shape.slice(1).join() !== dims.join()) {
      throw new BadRequest(
        `unexpected shape for input '${name}' for model '${model}'. Expected [-1,${dims}], got [${shape}]. NOTE: Setting a non-zero max_batch_size in the model config requires a batch dimension to be prepended to each input shape. If you want to specify the full shape including the batch dim in your input dims config, try setting max_batch_size to zero.`,
      );
    }
  }
  return batch;
}

function readOutputs({ outputs, parameters }: JsonRequest, config: ModelConfig): InferRequest['outputs'] {
  const all = config.output.map(({ name }) => ({ name, binary: parameters?.binary_data_output ?? false }));
  if (outputs === undefined || outputs.length === 0) return all;
  return outputs.map(({ name, parameters: own }) => {
    const output = all.find((candidate) => candidate.name === name);
    if (output === undefined)
      throw new BadRequest(`unexpected inference output '${name}' for model '${config.name}'`);
    return { name, binary: own?.binary_data ?? output.binary };
  });
}
