/** Accounts, for the operator: every call needs the admin token or a key with the scope admin. */
import type { AccountPatch, AccountResponse, OwnAccountResponse } from '../functions/schemas/account.ts';
import type { CallOptions } from './options.ts';
import type { Transport } from './transport.ts';

export class Accounts {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  create(request: { readonly name: string }, options: CallOptions = {}): Promise<AccountResponse> {
    return this.#transport.json('/v1/accounts', { ...options, method: 'POST', body: request });
  }

  async list(options: CallOptions = {}): Promise<AccountResponse[]> {
    const { accounts } = await this.#transport.json<{ accounts: AccountResponse[] }>('/v1/accounts', options);
    return accounts;
  }

  /** Sets quotas; null puts one back to the deployment's. The answer has all of them, and how far they are used. */
  update(id: string, patch: AccountPatch, options: CallOptions = {}): Promise<OwnAccountResponse> {
    return this.#transport.json(`/v1/accounts/${encodeURIComponent(id)}`, {
      ...options,
      method: 'PATCH',
      body: patch,
      repeatable: true,
    });
  }
}
