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
import { decodeResponse } from '../oip/response.ts';
import { type PreparedRequest, prepare } from '../prepare.ts';
import { type ExpectedTensor, toEvaluation } from '../validate.ts';
import { type Deadline, startDeadline } from './deadline.ts';
import { DigestCheck } from './digest-check.ts';
import { type Answer, type Call, exchange } from './exchange.ts';
import { type PerImage, toInferRequest, wireModel } from './infer-request.ts';
import { askDigest, askPerImage, askReady, type ModelPlace } from './model-status.ts';

export interface RemoteOptions {
  /** Base URL of the server, e.g. `https://gpu.example.com` (the part before `/v2`). */
  readonly url: string;
  /** Sent as a bearer token. */
  readonly token?: string;
  /** Deadline of one call, body included. */
  readonly timeoutMs: number;
  /** Whether the server takes and gives FP16 where a job asks for half precision. Default true. */
  readonly fp16?: boolean;
  readonly findModel: (id: string) => ModelManifest | null;
}

/** A question whether a server is well: it costs the server nothing, so a slow answer is none. */
const PROBE_TIMEOUT_MS = 5_000;

export class RemoteBackend implements InferenceBackend {
  readonly name = 'remote';
  readonly remote = true;
  readonly #options: RemoteOptions;
  readonly #base: string;
  readonly #digests = new DigestCheck();
  /** By name on the wire, where it is known to be another than [N]. */
  readonly #perImage = new Map<string, PerImage>();

  constructor(options: RemoteOptions) {
    this.#options = options;
    this.#base = options.url.replace(/\/+$/, '');
  }

  async evaluate(request: EvaluationRequest, options: EvaluateOptions = {}): Promise<Evaluation> {
    return this.send(prepare(request, this.#options.findModel), options);
  }

  /** As {@link evaluate}, for a request that has been checked. */
  async send(prepared: PreparedRequest, options: EvaluateOptions = {}): Promise<Evaluation> {
    const { request, expected } = prepared;
    const { timeoutMs, fp16 = true } = this.#options;
    const { owner, priority, signal } = options;
    const model = wireModel(request);
    const place = this.#placeOf(model);
    const url = `${place.url}/infer`;
    const what = `POST ${place.path}/infer`;
    const limit = largestAnswer(expected);
    let sentBytes = 0;
    const callWith = (perImage: PerImage): Call => {
      const settings = { fp16, timeoutMs, owner, priority, perImage };
      const { headers, body } = encodeRequest(toInferRequest(request, expected, settings));
      sentBytes += body.byteLength;
      return { url, init: { method: 'POST', headers: { ...headers, ...place.headers }, body }, limit, what };
    };

    const deadline = startDeadline(timeoutMs, signal, what);
    const { headers, body } = await this.#exchange(model, place, callWith, deadline);
    const answer = orBackendError(() => decodeResponse(headers.get(HEADER_LENGTH), body), what);
    if (answer.modelName !== model) {
      throw new BackendError('invalid_response', `${what}: the answer is from model "${answer.modelName}"`);
    }
    const given = answer.parameters?.digest;
    if (given !== undefined) this.#digests.requireSame(model, prepared.digest, given);
    const evaluation = orBackendError(() => toEvaluation(answer.outputs, expected, request.precision), what);
    if (given === undefined && !this.#digests.isFresh(model, Date.now())) {
      await this.#digests.checkMetadata(model, prepared.digest, () => askDigest(place, deadline));
    }
    return { ...evaluation, wire: { sent: sentBytes, received: body.byteLength } };
  }

  /**
   * Asks whether a step like this one could be answered, without asking for it.
   *
   * @throws {BackendError} if not: the server does not say that the model is ready, or has another one
   */
  async probe({ request, digest }: PreparedRequest): Promise<void> {
    const model = wireModel(request);
    const place = this.#placeOf(model);
    const timeoutMs = Math.min(PROBE_TIMEOUT_MS, this.#options.timeoutMs);
    const what = `GET ${place.path}`;
    const deadline = startDeadline(timeoutMs, undefined, what);
    await askReady(place, deadline);
    await this.#digests.checkMetadata(model, digest, () => askDigest(place, deadline));
  }

  /** A server that refuses may only want another shape: its metadata tells, and then it is asked once more. */
  async #exchange(
    model: string,
    place: ModelPlace,
    callWith: (perImage: PerImage) => Call,
    deadline: Deadline,
  ): Promise<Answer> {
    const assumed = this.#perImage.get(model) ?? '[N]';
    try {
      return await exchange(callWith(assumed), deadline);
    } catch (error) {
      if (!(error instanceof BackendError) || error.kind !== 'rejected') throw error;
      const wanted = await askPerImage(place, deadline);
      if (wanted === null || wanted === assumed) throw error;
      this.#perImage.set(model, wanted);
      return exchange(callWith(wanted), deadline);
    }
  }

  #placeOf(model: string): ModelPlace {
    const { token } = this.#options;
    const path = `/v2/models/${encodeURIComponent(model)}`;
    return {
      ...{ url: `${this.#base}${path}`, path },
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
    };
  }
}

/** Room for the JSON part, and for tensors that a server without the extension sends as decimal numbers. */
function largestAnswer(expected: readonly ExpectedTensor[]): number {
  const elements = expected.reduce((sum, { shape }) => sum + elementCount(shape), 0);
  return 65_536 + 24 * elements;
}

/** What is wrong with an answer, with the call that it answers in front. */
function orBackendError<T>(read: () => T, what: string): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof BackendError || error instanceof ProtocolError)) throw error;
    throw new BackendError('invalid_response', `${what}: ${error.message}`, { cause: error });
  }
}
