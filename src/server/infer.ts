/** One inference over HTTP: request in, response out. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { HTTPException } from 'hono/http-exception';
import { convertData } from '../inference/oip/convert.ts';
import { ProtocolError } from '../inference/oip/error.ts';
import { HEADER_LENGTH, type MessageParts, parseHeaderLength } from '../inference/oip/framing.ts';
import { decodeRequest, type InferRequest, type RequestedOutput } from '../inference/oip/request.ts';
import { responseParts } from '../inference/oip/response.ts';
import type { NamedTensor } from '../inference/oip/tensor.ts';
import { checkInputs, largestRequest, wantedOutputs } from './check-request.ts';
import type { BufferPool } from './http/buffer-pool.ts';
import type { ByteBudget } from './http/byte-budget.ts';
import type { Limits } from './http/limits.ts';
import { readBody } from './http/read-body.ts';
import { send } from './http/send.ts';
import type { ModelRunner, RunTiming } from './model-runner.ts';
import { parseSchedule } from './schedule.ts';

export interface Exchange {
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
  /** Fires when the client has gone. */
  readonly signal: AbortSignal;
  /** What the request's line in the log will say, as far as it is known. */
  readonly facts: RequestFacts;
}

export interface RequestFacts {
  model?: string;
  /** The client's own. */
  id?: string;
  owner?: string;
  items?: number;
  exact?: boolean;
  run?: RunTiming;
  bytesIn: number;
  bytesOut: number;
}

export interface InferContext {
  readonly version: string;
  readonly budget: ByteBudget;
  readonly pool: BufferPool;
  readonly limits: Limits;
}

/**
 * Answers the request, or throws and leaves that to the caller.
 *
 * @throws {ProtocolError} for a malformed request
 * @throws {HTTPException} 400 for one that does not fit the model, 408 or 413 for its body, 415 for an encoded one,
 *   500 if the outputs can't be sent as asked
 * @throws what {@link readBody} and the runner throw
 */
export async function infer(model: ModelRunner, exchange: Exchange, context: InferContext): Promise<void> {
  const { incoming, outgoing, signal, facts } = exchange;
  const { budget, pool, limits } = context;
  const { signature } = model;
  const came = performance.now();
  facts.model = signature.name;
  refuseEncoded(incoming);

  const headerLength = headerOf(incoming);
  const body = await readBody(incoming, {
    limit: Math.min(limits.maxBodyBytes, largestRequest(signature)),
    budget,
    pool,
    stallMs: limits.stallTimeoutMs,
    headerLength: parseHeaderLength(headerLength) ?? 0,
  });
  try {
    facts.bytesIn = body.bytes.byteLength;
    const request = decodeRequest(headerLength, body.bytes, 'shared');
    if (request.id !== undefined) facts.id = request.id;
    const schedule = parseSchedule(request.parameters ?? {}, came);
    const inputs = checkInputs(request, signature);
    const wanted = wantedOutputs(request, signature);
    facts.items = inputs.get(signature.inputs[0]!.name)!.shape[0]!;
    if (schedule.owner !== '') facts.owner = schedule.owner;
    if (schedule.exact) facts.exact = true;

    const outputs = await model.infer(
      inputs,
      wanted.map(({ name }) => name),
      {
        signal,
        schedule,
        onRun: (run) => {
          facts.run = run;
        },
      },
    );
    const message = encode(model, request, wanted, outputs, context.version);
    outgoing.once('finish', () => {
      for (const { data } of outputs) pool.give(data.buffer as ArrayBuffer);
    });
    facts.bytesOut = send(outgoing, message, { budget, timeoutMs: limits.bodyTimeoutMs });
  } catch (error) {
    // A run that nobody waits for any more may still read the tensors.
    body.release();
    throw error;
  }
  body.recycle();
}

function encode(
  { signature }: ModelRunner,
  request: InferRequest,
  wanted: readonly RequestedOutput[],
  outputs: readonly NamedTensor[],
  version: string,
): MessageParts {
  const binary = new Map(wanted.map(({ name, binary }) => [name, binary]));
  const response = {
    modelName: signature.name,
    modelVersion: version,
    ...(request.id === undefined ? {} : { id: request.id }),
    parameters: { digest: signature.digest },
    outputs: outputs.map((tensor, i) => inDatatype(tensor, wanted[i]!)),
  };
  try {
    return responseParts(response, (name) => binary.get(name) ?? false);
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    // NaN in an output: the inputs brought it, or the model did.
    throw new HTTPException(500, { message: error.message, cause: error });
  }
}

function inDatatype(tensor: NamedTensor, { datatype = tensor.datatype }: RequestedOutput): NamedTensor {
  return { ...tensor, datatype, data: convertData(tensor.data, tensor.datatype, datatype)! };
}

function headerOf(incoming: IncomingMessage): string | null {
  const value = incoming.headers[HEADER_LENGTH];
  return typeof value === 'string' ? value : null;
}

function refuseEncoded({ headers }: IncomingMessage): void {
  const encoding = headers['content-encoding'];
  if (encoding === undefined || encoding === 'identity') return;
  throw new HTTPException(415, { message: 'a Content-Encoding is not supported; send the body as it is' });
}
