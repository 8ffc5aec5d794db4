/** Evaluations by a server of the Open Inference Protocol v2, with tensors as binary data: one round trip a step. */
import type { ModelManifest } from '../../models/manifest.ts';
import {
  BackendError,
  type EvaluateOptions,
  type Evaluation,
  type EvaluationRequest,
  type InferenceBackend,
} from '../backend.ts';
import { elementCount } from '../oip/datatype.ts';
import { ProtocolError } from '../oip/error.ts';
import { HEADER_LENGTH } from '../oip/framing.ts';
import { encodeRequest } from '../oip/request.ts';
import { decodeResponse, type InferResponse } from '../oip/response.ts';
import { checkRequest, type ExpectedTensor, expectedOutputs, toEvaluation } from '../validate.ts';
import { type Deadline, startDeadline } from './deadline.ts';
import { toBackendError } from './http-error.ts';
import { toInferRequest } from './infer-request.ts';
import { BodyTooLargeError, readBody } from './read-body.ts';

export interface RemoteOptions {
  /** Base URL of the server, e.g. `https://gpu.example.com` (the part before `/v2`). */
  readonly url: string;
  /** Sent as a bearer token. */
  readonly token?: string;
  /** Deadline of one call, body included. */
  readonly timeoutMs: number;
  readonly findModel: (id: string) => ModelManifest | null;
}

export class RemoteBackend implements InferenceBackend {
  readonly name = 'remote';
  readonly remote = true;
  readonly #options: RemoteOptions;
  readonly #base: string;

  constructor(options: RemoteOptions) {
    this.#options = options;
    this.#base = options.url.replace(/\/+$/, '');
  }

  async evaluate(request: EvaluationRequest, options: EvaluateOptions = {}): Promise<Evaluation> {
    const manifest = this.#options.findModel(request.model);
    if (manifest === null) throw new BackendError('unknown_model', `there is no model "${request.model}"`);
    checkRequest(request, manifest);

    const expected = expectedOutputs(request, manifest);
    const { model, body } = toInferRequest(request, expected);
    const url = `${this.#base}/v2/models/${encodeURIComponent(model)}/infer`;
    const what = `POST ${url}`;
    const deadline = startDeadline(this.#options.timeoutMs, options.signal, what);

    const response = await orBackendError(
      this.#post(url, encodeRequest(body), deadline.signal),
      deadline,
      what,
    );
    if (response.status !== 200) {
      throw await orBackendError(toBackendError(response, what), deadline, what);
    }
    const bytes = await orBackendError(readBody(response, largestAnswer(expected)), deadline, what);
    const answer = decode(response.headers.get(HEADER_LENGTH), bytes, what);
    return validated(answer, model, expected, what);
  }

  #post(url: string, message: ReturnType<typeof encodeRequest>, signal: AbortSignal): Promise<Response> {
    const { token } = this.#options;
    const headers = {
      ...message.headers,
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    };
    return fetch(url, { method: 'POST', headers, body: message.body, signal, redirect: 'manual' });
  }
}

/** Waits for a part of the exchange; whatever it throws becomes a BackendError. */
async function orBackendError<T>(promise: Promise<T>, deadline: Deadline, what: string): Promise<T> {
  try {
    return await promise;
  } catch (error) {
    if (error instanceof BodyTooLargeError) {
      throw new BackendError('invalid_response', `${what}: ${error.message}`, { cause: error });
    }
    throw (
      deadline.error() ?? new BackendError('unavailable', `${what}: ${reasonOf(error)}`, { cause: error })
    );
  }
}

/** Node hides the reason (ECONNREFUSED, ...) in the cause; Workers has it in the message. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error && error.cause.message !== ''
    ? `${error.message} (${error.cause.message})`
    : error.message;
}

/** Room for the JSON part, and for tensors that a server without the extension sends as decimal numbers. */
function largestAnswer(expected: readonly ExpectedTensor[]): number {
  const elements = expected.reduce((sum, { shape }) => sum + elementCount(shape), 0);
  return 65_536 + 24 * elements;
}

function decode(headerLength: string | null, bytes: Uint8Array, what: string): InferResponse {
  try {
    return decodeResponse(headerLength, bytes);
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    throw new BackendError('invalid_response', `${what}: ${error.message}`, { cause: error });
  }
}

function validated(
  answer: InferResponse,
  model: string,
  expected: readonly ExpectedTensor[],
  what: string,
): Evaluation {
  if (answer.modelName !== model) {
    throw new BackendError('invalid_response', `${what}: the answer is from model "${answer.modelName}"`);
  }
  try {
    return toEvaluation(answer.outputs, expected);
  } catch (error) {
    if (!(error instanceof BackendError)) throw error;
    throw new BackendError(error.kind, `${what}: ${error.message}`, { cause: error });
  }
}
