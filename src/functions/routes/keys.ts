/** `/v1/keys`: make, list, rotate and revoke API keys. */
import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { findAccount } from '../../store/accounts.ts';
import { type ApiKey, createKey, findKey, listKeys, revokeKey, rotateKey } from '../../store/keys.ts';
import { allows, DEFAULT_SCOPES } from '../../store/scopes.ts';
import type { AppEnv } from '../app-env.ts';
import { accountOf, requireScope } from '../auth/authenticate.ts';
import { knownKeys } from '../auth/known-keys.ts';
import { validationHook } from '../openapi-hook.ts';
import { fieldProblem, Problem } from '../problem.ts';
import {
  type KeyRequest,
  type KeyResponse,
  keyRequest,
  keyResponse,
  newKeyResponse,
  rotateRequest,
} from '../schemas/account.ts';
import { problem, requireJson } from './shared.ts';

const idParam = z.object({ id: z.string().openapi({ param: { name: 'id', in: 'path' } }) });
const ofAccount = z.object({
  account: z
    .string()
    .optional()
    .openapi({ description: "Another account than the caller's own; only with the scope admin." }),
});
const keyBody = { 'application/json': { schema: keyResponse } };
const newKeyBody = { 'application/json': { schema: newKeyResponse } };
const forbidden = problem('The key lacks the scope, or would grant more than it has');

const create = createRoute({
  method: 'post',
  path: '/v1/keys',
  summary: 'Make a key; it is shown this once',
  middleware: [requireScope('keys:write'), requireJson] as const,
  request: { body: { content: { 'application/json': { schema: keyRequest } }, required: true } },
  responses: {
    201: { description: 'The key', content: newKeyBody },
    403: forbidden,
    404: problem('No such account'),
    422: problem('Fields are missing, unknown, or out of range; errors names each'),
  },
});

const list = createRoute({
  method: 'get',
  path: '/v1/keys',
  summary: 'Every key of the account, revoked ones too',
  middleware: requireScope('keys:read'),
  request: { query: ofAccount },
  responses: {
    200: {
      description: 'Oldest first',
      content: { 'application/json': { schema: z.object({ keys: z.array(keyResponse) }) } },
    },
    403: forbidden,
  },
});

const rotate = createRoute({
  method: 'post',
  path: '/v1/keys/{id}/rotate',
  summary: 'Replace a key by a new one; the old one works on for a while',
  middleware: [requireScope('keys:write'), requireJson] as const,
  request: {
    params: idParam,
    body: { content: { 'application/json': { schema: rotateRequest } }, required: true },
  },
  responses: {
    200: { description: 'The key with its new text', content: newKeyBody },
    403: forbidden,
    404: problem('No such key'),
  },
});

const revoke = createRoute({
  method: 'delete',
  path: '/v1/keys/{id}',
  summary: 'Revoke a key for ever',
  description:
    'At once for everything that changes anything. Reads that reach another instance may still be answered for up to five seconds.',
  middleware: requireScope('keys:write'),
  request: { params: idParam },
  responses: {
    200: { description: 'The key as it is now', content: keyBody },
    403: forbidden,
    404: problem('No such key'),
  },
});

export const keys = new OpenAPIHono<AppEnv>({ defaultHook: validationHook })
  .openapi(create, async (c) => {
    const request = c.req.valid('json');
    const now = Date.now();
    const account = await targetAccount(c, request.account, '/account');
    const { key, token } = await createKey(
      c.env.DB,
      { account, name: request.name, scopes: grantable(c, request), expiresAt: expiry(request, now) },
      now,
    );
    return c.json({ ...render(key), key: token }, 201);
  })
  .openapi(list, async (c) => {
    const account = await targetAccount(c, c.req.valid('query').account, '?account');
    return c.json({ keys: (await listKeys(c.env.DB, account)).map(render) }, 200);
  })
  .openapi(rotate, async (c) => {
    const { id } = c.req.valid('param');
    const { grace_seconds: grace } = c.req.valid('json');
    await reachable(c, id);
    const token = await rotateKey(c.env.DB, id, Date.now() + grace * 1000);
    knownKeys.forget(id);
    if (token === null) throw new Problem('unknown-key', `key ${id} is revoked`);
    return c.json({ ...render(await reachable(c, id)), key: token }, 200);
  })
  .openapi(revoke, async (c) => {
    const { id } = c.req.valid('param');
    await reachable(c, id);
    await revokeKey(c.env.DB, id, Date.now());
    knownKeys.forget(id);
    return c.json(render(await reachable(c, id)), 200);
  });

/** @throws {Problem} for another account than the caller's, unless an admin names one that exists */
async function targetAccount(c: Context<AppEnv>, wanted: string | undefined, where: string): Promise<string> {
  const { account, scopes } = c.get('caller');
  if (wanted === undefined && account === null) {
    throw fieldProblem('invalid-request', where, 'required with the admin token: whose key it is');
  }
  if (wanted === undefined || wanted === account) return accountOf(c);
  if (!allows(scopes, 'admin'))
    throw new Problem('forbidden', 'keys of another account need the scope admin');
  if ((await findAccount(c.env.DB, wanted)) === null) {
    throw new Problem('unknown-account', `no account ${JSON.stringify(wanted)}`);
  }
  return wanted;
}

/** @throws {Problem} unknown-key for a key the caller may not see; forbidden for one that can more than the caller */
async function reachable(c: Context<AppEnv>, id: string): Promise<ApiKey> {
  const { account, scopes } = c.get('caller');
  const key = await findKey(c.env.DB, allows(scopes, 'admin') ? null : account, id);
  if (key === null) throw new Problem('unknown-key', `no key ${JSON.stringify(id)}`);
  if (!key.scopes.every((scope) => allows(scopes, scope))) {
    throw new Problem('forbidden', `key ${id} has scopes that the caller does not have`);
  }
  return key;
}

/** A key can't make a mightier one. */
function grantable(c: Context<AppEnv>, request: KeyRequest): ApiKey['scopes'] {
  const { scopes: own } = c.get('caller');
  const wanted = request.scopes ?? DEFAULT_SCOPES.filter((scope) => allows(own, scope));
  const lacking = wanted.filter((scope) => !allows(own, scope));
  if (lacking.length > 0) {
    throw new Problem('forbidden', `the caller can't grant what it does not have: ${lacking.join(', ')}`);
  }
  if (wanted.length === 0) {
    throw fieldProblem('invalid-request', '/scopes', 'required: the caller has none of the default scopes');
  }
  return [...new Set(wanted)];
}

function expiry({ expires_at: at }: KeyRequest, now: number): number | null {
  if (at === undefined) return null;
  const time = Date.parse(at);
  if (time > now) return time;
  throw fieldProblem('invalid-request', '/expires_at', 'expected a time in the future');
}

function render(key: ApiKey): KeyResponse {
  const { id, account, name, scopes, hint } = key;
  return {
    id,
    account,
    name,
    scopes: [...scopes],
    hint,
    created_at: new Date(key.createdAt).toISOString(),
    expires_at: iso(key.expiresAt),
    revoked_at: iso(key.revokedAt),
    last_used_at: iso(key.lastUsedAt),
    previous_until: iso(key.previousUntil),
  };
}

function iso(time: number | null): string | null {
  return time === null ? null : new Date(time).toISOString();
}
