export type { ModelResponse, ProblemBody } from '../functions/schemas/common.ts';
export type { SampleRequest } from '../functions/schemas/sample-request.ts';
export type { SampleResponse, SampleStatus } from '../functions/schemas/sample-response.ts';
export { CairnClient, type CallOptions, type ClientOptions, isFinished, type WaitOptions } from './client.ts';
export { CairnError } from './error.ts';
