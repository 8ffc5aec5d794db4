/** Inference responses of the Open Inference Protocol v2, as messages and as plain data. */
import { toBytes } from './datatype.ts';
import { ProtocolError } from './error.ts';
import { frame, join, type Message, type MessageParts, unframe } from './framing.ts';
import {
  BlobReader,
  type NamedTensor,
  type Parameters,
  parseObject,
  parseParameters,
  parseTensors,
  tensorToJson,
} from './tensor.ts';

export interface InferResponse {
  readonly modelName: string;
  readonly modelVersion?: string;
  /** The request's id. */
  readonly id?: string;
  readonly parameters?: Parameters;
  readonly outputs: readonly NamedTensor[];
}

/**
 * @param isBinary which outputs go as blobs
 * @throws {ProtocolError} if an output asked for in JSON has no JSON form (FP16, NaN, Inf)
 */
export function encodeResponse(response: InferResponse, isBinary: (output: string) => boolean): Message {
  return join(responseParts(response, isBinary));
}

/** As {@link encodeResponse}, with the tensors left where they are. */
export function responseParts(response: InferResponse, isBinary: (output: string) => boolean): MessageParts {
  const { modelName, modelVersion, id, parameters, outputs } = response;
  const header = {
    model_name: modelName,
    model_version: modelVersion,
    id,
    parameters,
    outputs: outputs.map((tensor) => tensorToJson(tensor, isBinary(tensor.name))),
  };
  return frame(
    header,
    outputs.filter((tensor) => isBinary(tensor.name)).map((tensor) => toBytes(tensor.data)),
  );
}

/**
 * @param headerLength value of the header Inference-Header-Content-Length; null if it is absent
 * @throws {ProtocolError} naming the part that is wrong
 */
export function decodeResponse(headerLength: string | null, body: Uint8Array): InferResponse {
  const { json, blobs } = unframe(headerLength, body);
  const object = parseObject(json, 'response');
  if (typeof object.model_name !== 'string') throw new ProtocolError('response: model_name must be a string');
  const parameters = parseParameters(object.parameters, 'response');
  const reader = new BlobReader(blobs);
  const outputs = parseTensors(object.outputs, reader, 'outputs');
  reader.finish();
  return {
    modelName: object.model_name,
    ...(typeof object.model_version === 'string' ? { modelVersion: object.model_version } : {}),
    ...(typeof object.id === 'string' ? { id: object.id } : {}),
    ...(Object.keys(parameters).length === 0 ? {} : { parameters }),
    outputs,
  };
}
