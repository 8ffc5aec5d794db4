import { type ModelManifest, modelDigest } from '../models/manifest.ts';
import { BackendError, type EvaluationRequest } from './backend.ts';
import { checkRequest, type ExpectedTensor, expectedOutputs } from './validate.ts';

/** A request that has been found right, and what a right answer to it is. */
export interface PreparedRequest {
  readonly request: EvaluationRequest;
  readonly expected: readonly ExpectedTensor[];
  /** Of the model in this deployment's registry: the one the job began with, or it would not have come here. */
  readonly digest: string;
}

/** @throws {BackendError} `unknown_model`, or `rejected` naming the field: a mistake of the caller, no backend's */
export function prepare(
  request: EvaluationRequest,
  findModel: (id: string) => ModelManifest | null,
): PreparedRequest {
  const manifest = findModel(request.model);
  if (manifest === null) throw new BackendError('unknown_model', `there is no model "${request.model}"`);
  checkRequest(request, manifest);
  return { request, expected: expectedOutputs(request, manifest), digest: modelDigest(manifest) };
}
