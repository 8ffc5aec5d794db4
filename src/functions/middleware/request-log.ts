/** One JSON line for every request: what it was, how it went, whose it was. No query, no header, no body: no secret. */
import type { Context, MiddlewareHandler } from 'hono';
import { routePath } from 'hono/route';
import type { AppEnv } from '../app-env.ts';

/** After requestId, before all else. `REQUEST_LOG` of `off` silences it. */
export const requestLog: MiddlewareHandler<AppEnv> = async (c, next) => {
  const startedAt = Date.now();
  await next();
  if (c.env.REQUEST_LOG === 'off') return;
  console.log(JSON.stringify(lineOf(c, Date.now() - startedAt)));
};

function lineOf(c: Context<AppEnv>, ms: number) {
  const caller = c.get('caller') as AppEnv['Variables']['caller'] | undefined; // none before authentication
  return {
    event: 'request',
    request: c.get('requestId'),
    method: c.req.method,
    route: routePath(c, -1),
    status: c.res.status,
    ms,
    account: caller?.account ?? null,
    key: caller?.key ?? null,
    sample: sampleOf(c),
  };
}

/** The sample that the request is about, or has made. */
function sampleOf(c: Context): string | null {
  const path = c.res.headers.get('Location') ?? c.req.path;
  return /^\/v1\/samples\/(smp_[0-9a-z]{26})(\/|$)/.exec(path)?.[1] ?? null;
}
