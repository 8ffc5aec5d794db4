/** Inference requests of the Open Inference Protocol v2, as messages and as plain data. */
import { type Datatype, parseDatatype, toBytes } from './datatype.ts';
import { excerpt, ProtocolError } from './error.ts';
import { frame, join, type Message, unframe } from './framing.ts';
import {
  type BlobMemory,
  BlobReader,
  type NamedTensor,
  type Parameters,
  parseArray,
  parseName,
  parseObject,
  parseParameters,
  parseTensors,
  refuseDuplicates,
  tensorToJson,
} from './tensor.ts';

export interface RequestedOutput {
  readonly name: string;
  /** Wanted as a blob rather than as JSON. */
  readonly binary: boolean;
  /**
   * Datatype it is wanted in; absent means the model's own. An extension: on the wire the output's parameter
   * `datatype`. Cairn's server converts FP32 to FP16.
   */
  readonly datatype?: Datatype;
}

export interface InferRequest {
  /** Comes back in the response. */
  readonly id?: string;
  readonly parameters?: Parameters;
  readonly inputs: readonly NamedTensor[];
  /** Wanted outputs; absent means all of them. */
  readonly outputs?: readonly RequestedOutput[];
  /** For outputs that are not named in `outputs`: wanted as blobs. Default false. */
  readonly binaryOutput?: boolean;
}

/**
 * @param options.binary inputs as blobs (default) or in the JSON
 * @throws {ProtocolError} if a tensor's data does not fit its datatype and shape
 */
export function encodeRequest(request: InferRequest, options: { readonly binary?: boolean } = {}): Message {
  const { binary = true } = options;
  const { id, parameters, inputs, outputs, binaryOutput } = request;
  const allParameters = {
    ...parameters,
    ...(binaryOutput === undefined ? {} : { binary_data_output: binaryOutput }),
  };
  const header = {
    id,
    parameters: Object.keys(allParameters).length > 0 ? allParameters : undefined,
    inputs: inputs.map((tensor) => tensorToJson(tensor, binary)),
    outputs: outputs?.map(({ name, binary, datatype }) => ({
      name,
      parameters: { binary_data: binary, datatype },
    })),
  };
  return join(frame(header, binary ? inputs.map((tensor) => toBytes(tensor.data)) : []));
}

/**
 * @param headerLength value of the header Inference-Header-Content-Length; null if it is absent
 * @param memory whose memory binary tensors are read into
 * @throws {ProtocolError} naming the part that is wrong
 */
export function decodeRequest(
  headerLength: string | null,
  body: Uint8Array,
  memory: BlobMemory = 'own',
): InferRequest {
  const { json, blobs } = unframe(headerLength, body);
  const object = parseObject(json, 'request');
  const { binary_data_output: binaryOutput = false, ...parameters } = parseParameters(
    object.parameters,
    'request',
  );
  if (typeof binaryOutput !== 'boolean') {
    throw new ProtocolError('request: parameters.binary_data_output must be true or false');
  }
  if (object.id !== undefined && typeof object.id !== 'string') {
    throw new ProtocolError('request: id must be a string');
  }
  const reader = new BlobReader(blobs, memory);
  const inputs = parseTensors(object.inputs, reader, 'inputs');
  reader.finish();
  return {
    ...(object.id === undefined ? {} : { id: object.id }),
    ...(Object.keys(parameters).length === 0 ? {} : { parameters }),
    inputs,
    ...(object.outputs === undefined ? {} : { outputs: parseOutputs(object.outputs, binaryOutput) }),
    binaryOutput,
  };
}

function parseOutputs(json: unknown, binaryDefault: boolean): RequestedOutput[] {
  const outputs = parseArray(json, 'outputs').map((item, i) => {
    const where = `outputs[${i}]`;
    const object = parseObject(item, where);
    const name = parseName(object.name, where);
    const at = `${where} ${excerpt(name)}`;
    const { binary_data: binary = binaryDefault, datatype } = parseParameters(object.parameters, where);
    if (typeof binary !== 'boolean') {
      throw new ProtocolError(`${at}: parameters.binary_data must be true or false`);
    }
    return { name, binary, ...(datatype === undefined ? {} : { datatype: parseDatatype(datatype, at) }) };
  });
  refuseDuplicates(outputs, 'outputs');
  return outputs;
}
