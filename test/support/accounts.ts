/** Accounts of their own for tests that count what an account may. */
import { env } from 'cloudflare:workers';
import type { SampleResponse } from '../../src/functions/schemas/sample-response.ts';
import { newId } from '../../src/ids.ts';
import { createAccount } from '../../src/store/accounts.ts';
import { createKey } from '../../src/store/keys.ts';
import { type QuotaOverrides, setQuotas } from '../../src/store/quotas.ts';
import { SCOPES } from '../../src/store/scopes.ts';
import { callBare } from './api.ts';

export interface TestAccount {
  readonly id: string;
  /** Value of Authorization. */
  readonly bearer: string;
  /** Calls with the account's key. */
  call(path: string, init?: CallInit): Promise<Response>;
  /** @throws with the problem if the request is refused */
  create(body: unknown, headers?: Readonly<Record<string, string>>): Promise<SampleResponse>;
}

export interface CallInit {
  readonly method?: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

const AS_DEPLOYED: QuotaOverrides = {
  activeJobs: null,
  runningJobs: null,
  imagesPerDay: null,
  imageStepsPerDay: null,
};

export async function newTestAccount(quotas: Partial<QuotaOverrides> = {}): Promise<TestAccount> {
  const now = Date.now();
  const { id } = await createAccount(env.DB, { name: 'of a test', id: newId('acc') }, now);
  await setQuotas(env.DB, id, { ...AS_DEPLOYED, ...quotas });
  const scopes = SCOPES.filter((scope) => scope !== 'admin');
  const { token } = await createKey(env.DB, { account: id, name: 'test', scopes, expiresAt: null }, now);
  const call = (path: string, init: CallInit = {}) => callAs(token, path, init);
  return {
    id,
    bearer: `Bearer ${token}`,
    call,
    async create(body, headers = {}) {
      const response = await call('/v1/samples', { body, headers });
      if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`);
      return response.json();
    },
  };
}

export function callAs(token: string, path: string, init: CallInit = {}): Promise<Response> {
  const { body, method = body === undefined ? 'GET' : 'POST', headers, signal } = init;
  return callBare(path, {
    method,
    headers: {
      Authorization: `Bearer ${token}`,
      ...(body !== undefined && { 'Content-Type': 'application/json' }),
      ...headers,
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
    ...(signal !== undefined && { signal }),
  });
}
