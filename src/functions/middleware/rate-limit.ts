/**
 * Requests a minute for each key, by the platform's Rate Limiting binding: reads and writes apart. The binding counts per
 * location, approximately, and says no more than yes or no; what is left is told only when it is known, which is at none.
 */
import type { Context, MiddlewareHandler } from 'hono';
import type { AppEnv } from '../app-env.ts';
import { Problem } from '../problem.ts';

/** Of the bindings in wrangler.toml. */
const PERIOD_SECONDS = 60;

/** After authentication. @throws {Problem} rate-limited */
export const rateLimit: MiddlewareHandler<AppEnv> = async (c, next) => {
  const reads = c.req.method === 'GET' || c.req.method === 'HEAD';
  const name = reads ? 'reads' : 'writes';
  const quota = reads ? c.env.READS_PER_MINUTE : c.env.WRITES_PER_MINUTE;
  c.header('RateLimit-Policy', `"${name}";q=${quota};w=${PERIOD_SECONDS}`);
  const limiter = reads ? c.env.READ_LIMIT : c.env.WRITE_LIMIT;
  // A limiter that fails must not take the API with it.
  const answer = await limiter?.limit({ key: whoOf(c) }).catch(() => null);
  if (answer?.success === false) {
    c.header('RateLimit', `"${name}";r=0;t=${PERIOD_SECONDS}`);
    c.header('Retry-After', String(PERIOD_SECONDS));
    const detail = `more than ${quota} ${name} in ${PERIOD_SECONDS} seconds with this key`;
    throw new Problem('rate-limited', detail);
  }
  await next();
};

/** Signed links belong to no key: there the address is counted. */
function whoOf(c: Context<AppEnv>): string {
  const { key, signed } = c.get('caller');
  return key ?? (signed ? `address ${c.req.header('CF-Connecting-IP') ?? ''}` : 'admin');
}
