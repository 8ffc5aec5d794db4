export type {
  AccountPatch,
  AccountResponse,
  KeyRequest,
  KeyResponse,
  NewKeyResponse,
  OwnAccountResponse,
} from '../functions/schemas/account.ts';
export type { HealthResponse, ModelResponse, ProblemBody } from '../functions/schemas/common.ts';
export type { SampleEvent, SampleEventData, SampleEventName } from '../functions/schemas/events.ts';
export type { ForkRequestInput as ForkRequest } from '../functions/schemas/fork-request.ts';
export type { InterpolationRequestInput as InterpolationRequest } from '../functions/schemas/interpolation-request.ts';
export type { InversionRequestInput as InversionRequest } from '../functions/schemas/inversion-request.ts';
export type { SampleListQuery, SampleListResponse, SampleSummary } from '../functions/schemas/sample-list.ts';
export type {
  SamplePatchInput as SamplePatch,
  SampleRequestInput as SampleRequest,
} from '../functions/schemas/sample-request.ts';
export type {
  ImageEntry,
  ImagePage,
  SampleResponse,
  SampleStatus,
} from '../functions/schemas/sample-response.ts';
export type { TrajectoryResponse } from '../functions/schemas/trajectory.ts';
export type {
  NewWebhookEndpointResponse,
  RedeliverRequestInput as RedeliverRequest,
  SampleWebhookEvent,
  WebhookDeliveryDetailResponse,
  WebhookDeliveryResponse,
  WebhookEndpointPatch,
  WebhookEndpointRequest,
  WebhookEndpointResponse,
} from '../functions/schemas/webhooks.ts';
export { CairnClient, type ImageOptions, type ListOptions } from './client.ts';
export type { StreamOptions } from './download.ts';
export { CairnError } from './error.ts';
export type { WatchOptions } from './events.ts';
export type { CallOptions, ClientOptions, CreateOptions } from './options.ts';
export { isFinished, type WaitOptions } from './wait.ts';
export type { DeliveryFilter } from './webhook-endpoints.ts';
export { verifyWebhook, WebhookVerificationError } from './webhooks.ts';
