/** Who is calling: a bearer key of an account, the operator's admin token, or the holder of a signed URL. */
import type { Context, MiddlewareHandler } from 'hono';
import { type ApiKey, findKeyByHash, hashOf, markKeyUsed } from '../../store/keys.ts';
import { allows, type Scope } from '../../store/scopes.ts';
import type { AppEnv } from '../app-env.ts';
import { Problem } from '../problem.ts';
import { knownKeys } from './known-keys.ts';
import { isSigned, signatureFault } from './signed-url.ts';

/** The caller of a request. */
export interface Caller {
  /** Null for the admin token: it manages accounts and owns nothing. */
  readonly account: string | null;
  readonly key: string | null;
  readonly scopes: readonly Scope[];
  /** Came with a signed URL instead of a key: it opens the path that is asked for, and nothing else. */
  readonly signed?: true;
}

/** `last_used_at` is written at most this often, ms. */
const USED_EVERY_MS = 60_000;

/** @throws {Problem} unauthorized */
export const authenticate: MiddlewareHandler<AppEnv> = async (c, next) => {
  c.set('caller', await callerOf(c));
  await next();
};

/** After {@link authenticate}. @throws {Problem} forbidden */
export function requireScope(scope: Scope): MiddlewareHandler<AppEnv> {
  const handler: MiddlewareHandler<AppEnv> = async (c, next) => {
    if (!allows(c.get('caller').scopes, scope)) {
      throw new Problem('forbidden', `this key does not have the scope ${scope}`);
    }
    await next();
  };
  return Object.assign(handler, { scope });
}

/** What a handler made by {@link requireScope} or {@link requireScopeOrSignature} asks for; null for any other. */
export function demandOf(handler: object): { readonly scope: Scope; readonly signed: boolean } | null {
  return 'scope' in handler ? { scope: handler.scope as Scope, signed: 'signed' in handler } : null;
}

/**
 * After {@link authenticate}, on GET routes whose links are signed.
 *
 * @throws {Problem} forbidden
 */
export function requireScopeOrSignature(scope: Scope): MiddlewareHandler<AppEnv> {
  const check = requireScope(scope);
  const handler: MiddlewareHandler<AppEnv> = (c, next) => (c.get('caller').signed ? next() : check(c, next));
  return Object.assign(handler, { scope, signed: true });
}

/** The account that owns what this request makes or looks at. @throws {Problem} forbidden for the admin token */
export function accountOf(c: Context<AppEnv>): string {
  const { account } = c.get('caller');
  if (account !== null) return account;
  throw new Problem('forbidden', 'the admin token belongs to no account; use a key of one');
}

async function callerOf(c: Context<AppEnv>): Promise<Caller> {
  const token = /^Bearer +(\S+) *$/i.exec(c.req.header('Authorization') ?? '')?.[1];
  if (token === undefined) {
    if (isRead(c)) {
      const url = new URL(c.req.url);
      if (isSigned(url)) return signedCaller(url, c.env);
    }
    throw unauthorized(c, 'expected the header Authorization: Bearer with an API key');
  }
  if (await isAdminToken(token, c.env.ADMIN_TOKEN)) return { account: null, key: null, scopes: ['admin'] };
  const hash = await hashOf(token);
  const key = await keyOf(c, hash);
  if (key === null) throw unauthorized(c, 'this API key is not known here, or it was revoked or has expired');
  const now = Date.now();
  if (now - (key.lastUsedAt ?? 0) > USED_EVERY_MS) {
    knownKeys.markUsed(hash, now);
    c.executionCtx.waitUntil(markKeyUsed(c.env.DB, key.id, now).catch(() => {}));
  }
  return { account: key.account, key: key.id, scopes: key.scopes };
}

/** What changes anything asks the database; what only reads may go by what it said a moment ago. */
async function keyOf(c: Context<AppEnv>, hash: string): Promise<ApiKey | null> {
  const now = Date.now();
  const known = isRead(c) ? knownKeys.find(hash, now) : null;
  return known ?? knownKeys.lookUp(hash, now, () => findKeyByHash(c.env.DB, hash, now));
}

function isRead(c: Context): boolean {
  const { method } = c.req.raw;
  return method === 'GET' || method === 'HEAD';
}

/** @throws {Problem} signature-invalid, signature-expired */
async function signedCaller(url: URL, env: AppEnv['Bindings']): Promise<Caller> {
  const fault = await signatureFault(url, Date.now(), env);
  if (fault !== null) throw new Problem(fault.type, fault.detail);
  return { account: null, key: null, scopes: [], signed: true };
}

/** Hashes are compared, so that the time it takes tells nothing of the token. */
async function isAdminToken(token: string, admin: string | undefined): Promise<boolean> {
  return admin !== undefined && admin !== '' && (await hashOf(token)) === (await hashOf(admin));
}

function unauthorized(c: Context, detail: string): Problem {
  c.header('WWW-Authenticate', 'Bearer');
  return new Problem('unauthorized', detail);
}
