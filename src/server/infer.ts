import { HTTPException } from 'hono/http-exception';
import { ProtocolError } from '../inference/oip/error.ts';
import { HEADER_LENGTH, type Message } from '../inference/oip/framing.ts';
import { decodeRequest, type InferRequest } from '../inference/oip/request.ts';
import { encodeResponse, type InferResponse } from '../inference/oip/response.ts';
import type { NamedTensor } from '../inference/oip/tensor.ts';
import { checkInputs, wantedOutputs } from './check-request.ts';
import { DEFAULT_SCHEDULE, type ModelRunner } from './model-runner.ts';

/** Nobody reads it; nginx's number for it. */
const CLIENT_CLOSED_REQUEST = 499;

/**
 * One inference: request in, response out.
 *
 * @throws {ProtocolError} for a malformed request
 * @throws {HTTPException} 400 for one that does not fit the model, 500 if the outputs can't be sent as asked
 * @throws {BusyError} if the queue is full
 */
export async function infer(model: ModelRunner, version: string, http: Request): Promise<Response> {
  const body = new Uint8Array(await http.arrayBuffer());
  const request = decodeRequest(http.headers.get(HEADER_LENGTH), body);
  const inputs = checkInputs(request, model.signature);
  const wanted = wantedOutputs(request, model.signature);
  let outputs: NamedTensor[];
  try {
    outputs = await model.infer(inputs, wanted, { signal: http.signal, schedule: DEFAULT_SCHEDULE });
  } catch (error) {
    if (http.signal.aborted) return new Response(null, { status: CLIENT_CLOSED_REQUEST });
    throw error;
  }
  const response = {
    modelName: model.signature.name,
    modelVersion: version,
    ...(request.id === undefined ? {} : { id: request.id }),
    outputs,
  };
  const { headers, body: answer } = encode(response, request);
  return new Response(answer, { headers });
}

function encode(response: InferResponse, request: InferRequest): Message {
  const binary = new Map(request.outputs?.map((output) => [output.name, output.binary]));
  try {
    return encodeResponse(response, (name) => binary.get(name) ?? request.binaryOutput ?? false);
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    // NaN in an output: the inputs brought it, or the model did.
    throw new HTTPException(500, { message: error.message, cause: error });
  }
}
