export type {
  AccountPatch,
  AccountResponse,
  KeyRequest,
  KeyResponse,
  NewKeyResponse,
  OwnAccountResponse,
} from '../functions/schemas/account.ts';
export type { ModelResponse, ProblemBody } from '../functions/schemas/common.ts';
export type { SampleListQuery, SampleListResponse, SampleSummary } from '../functions/schemas/sample-list.ts';
export type { SamplePatch, SampleRequest } from '../functions/schemas/sample-request.ts';
export type { SampleResponse, SampleStatus } from '../functions/schemas/sample-response.ts';
export type { TrajectoryResponse } from '../functions/schemas/trajectory.ts';
export { CairnClient, type ListOptions } from './client.ts';
export { CairnError } from './error.ts';
export type { WatchOptions } from './events.ts';
export type { CallOptions, ClientOptions, CreateOptions } from './options.ts';
export type { SampleEvent, SampleEventData, SampleEventName } from './sample-event.ts';
export { isFinished, type WaitOptions } from './wait.ts';
export { verifyWebhook, WebhookVerificationError } from './webhooks.ts';
