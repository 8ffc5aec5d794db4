/** Inference requests of the Open Inference Protocol v2, as messages and as plain data. */
import { toBytes } from './datatype.ts';
import { ProtocolError } from './error.ts';
import { frame, type Message, unframe } from './framing.ts';
import {
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
    outputs: outputs?.map((output) => ({ name: output.name, parameters: { binary_data: output.binary } })),
  };
  return frame(header, binary ? inputs.map((tensor) => toBytes(tensor.data)) : []);
}

/**
 * @param headerLength value of the header Inference-Header-Content-Length; null if it is absent
 * @throws {ProtocolError} naming the part that is wrong
 */
export function decodeRequest(headerLength: string | null, body: Uint8Array): InferRequest {
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
  const reader = new BlobReader(blobs);
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
    const binary = parseParameters(object.parameters, where).binary_data ?? binaryDefault;
    if (typeof binary !== 'boolean') {
      throw new ProtocolError(`${where} "${name}": parameters.binary_data must be true or false`);
    }
    return { name, binary };
  });
  refuseDuplicates(outputs, 'outputs');
  return outputs;
}
