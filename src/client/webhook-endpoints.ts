/** Where an account's webhooks go, and what was delivered. */
import type {
  NewWebhookEndpointResponse,
  RedeliverRequestInput,
  RedeliverResponse,
  WebhookDeliveryDetailResponse,
  WebhookDeliveryListResponse,
  WebhookDeliveryQuery,
  WebhookDeliveryResponse,
  WebhookEndpointListResponse,
  WebhookEndpointPatch,
  WebhookEndpointRequest,
  WebhookEndpointResponse,
  WebhookTestResponse,
} from '../functions/schemas/webhooks.ts';
import type { CallOptions } from './options.ts';
import { entriesOf } from './pages.ts';
import type { Transport } from './transport.ts';

export type DeliveryFilter = Omit<Partial<WebhookDeliveryQuery>, 'cursor'>;

const ENDPOINTS = '/v1/webhook-endpoints';
const DELIVERIES = '/v1/webhook-deliveries';

export class Webhooks {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** The answer has the secret, this once. */
  create(request: WebhookEndpointRequest, options: CallOptions = {}): Promise<NewWebhookEndpointResponse> {
    return this.#transport.json(ENDPOINTS, { ...options, method: 'POST', body: request });
  }

  async list(options: CallOptions = {}): Promise<WebhookEndpointResponse[]> {
    return (await this.#transport.json<WebhookEndpointListResponse>(ENDPOINTS, options)).data;
  }

  read(id: string, options: CallOptions = {}): Promise<WebhookEndpointResponse> {
    return this.#transport.json(endpoint(id), options);
  }

  /** Changes URL, events or description; disables or enables. */
  update(
    id: string,
    patch: WebhookEndpointPatch,
    options: CallOptions = {},
  ): Promise<WebhookEndpointResponse> {
    return this.#transport.json(endpoint(id), { ...options, method: 'PATCH', body: patch, repeatable: true });
  }

  delete(id: string, options: CallOptions = {}): Promise<void> {
    return this.#transport.done(endpoint(id), { ...options, method: 'DELETE' });
  }

  /** @param options.graceSeconds how long the old secret goes on signing; by default a day */
  rotateSecret(
    id: string,
    { graceSeconds, ...options }: CallOptions & { graceSeconds?: number } = {},
  ): Promise<NewWebhookEndpointResponse> {
    const body = graceSeconds === undefined ? {} : { grace_seconds: graceSeconds };
    return this.#transport.json(`${endpoint(id)}/rotate-secret`, { ...options, method: 'POST', body });
  }

  /** Sends a test event now. */
  test(id: string, options: CallOptions = {}): Promise<WebhookTestResponse> {
    return this.#transport.json(`${endpoint(id)}/test`, { ...options, method: 'POST' });
  }

  /** Every delivery that the filter leaves, newest first, page after page. */
  deliveries({
    signal,
    ...filter
  }: CallOptions & DeliveryFilter = {}): AsyncGenerator<WebhookDeliveryResponse> {
    return entriesOf((cursor) =>
      this.#transport.json<WebhookDeliveryListResponse>(DELIVERIES, {
        query: { ...filter, cursor },
        ...(signal !== undefined && { signal }),
      }),
    );
  }

  /** With every attempt, and the body that is sent. */
  readDelivery(id: string, options: CallOptions = {}): Promise<WebhookDeliveryDetailResponse> {
    return this.#transport.json(`${DELIVERIES}/${encodeURIComponent(id)}`, options);
  }

  /** Starts one delivery again. */
  redeliver(id: string, options: CallOptions = {}): Promise<WebhookDeliveryResponse> {
    return this.#transport.json(`${DELIVERIES}/${encodeURIComponent(id)}/redeliver`, {
      ...options,
      method: 'POST',
      repeatable: true,
    });
  }

  /** Starts every dead delivery of a time range again, or the delivered ones. */
  redeliverAll(request: RedeliverRequestInput, options: CallOptions = {}): Promise<RedeliverResponse> {
    return this.#transport.json(`${DELIVERIES}/redeliver`, { ...options, method: 'POST', body: request });
  }
}

function endpoint(id: string): string {
  return `${ENDPOINTS}/${encodeURIComponent(id)}`;
}
