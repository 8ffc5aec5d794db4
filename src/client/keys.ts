/** API keys of an account, or with the admin token of any. */
import type {
  KeyRequest,
  KeyResponse,
  NewKeyResponse,
  OwnAccountResponse,
} from '../functions/schemas/account.ts';
import type { CallOptions } from './options.ts';
import type { Transport } from './transport.ts';

export class Keys {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** The answer has the key itself, this once. */
  create(request: KeyRequest, options: CallOptions = {}): Promise<NewKeyResponse> {
    return this.#transport.json('/v1/keys', { ...options, method: 'POST', body: request });
  }

  /** @param options.account another one than the caller's; only with the scope admin */
  async list({ account, ...options }: CallOptions & { account?: string } = {}): Promise<KeyResponse[]> {
    const { keys } = await this.#transport.json<{ keys: KeyResponse[] }>('/v1/keys', {
      ...options,
      query: { account },
    });
    return keys;
  }

  /** @param options.graceSeconds how long the old key works on; by default a day */
  rotate(id: string, { graceSeconds, ...options }: CallOptions & { graceSeconds?: number } = {}) {
    return this.#transport.json<NewKeyResponse>(`/v1/keys/${encodeURIComponent(id)}/rotate`, {
      ...options,
      method: 'POST',
      body: graceSeconds === undefined ? {} : { grace_seconds: graceSeconds },
    });
  }

  /** For ever: at once for what changes anything, within seconds for reads. */
  revoke(id: string, options: CallOptions = {}): Promise<KeyResponse> {
    return this.#transport.json(`/v1/keys/${encodeURIComponent(id)}`, { ...options, method: 'DELETE' });
  }

  /** The account of the key in use: its quotas, and how far they are used. */
  account(options: CallOptions = {}): Promise<OwnAccountResponse> {
    return this.#transport.json('/v1/account', options);
  }
}
