/** The whole HTTP surface: one row per group of routes, and what every answer has in common. */
import { OpenAPIHono } from '@hono/zod-openapi';
import { HTTPException } from 'hono/http-exception';
import { requestId } from 'hono/request-id';
import { secureHeaders } from 'hono/secure-headers';
import { isUnmigrated } from '../store/unmigrated.ts';
import type { AppEnv } from './app-env.ts';
import { authenticate } from './auth/authenticate.ts';
import { apiHeaders } from './middleware/api-headers.ts';
import { crossOrigin } from './middleware/cross-origin.ts';
import { rateLimit } from './middleware/rate-limit.ts';
import { requestLog } from './middleware/request-log.ts';
import { describeApi } from './openapi/document.ts';
import { Problem, problemResponse } from './problem.ts';
import { account } from './routes/account.ts';
import { accounts } from './routes/accounts.ts';
import { events } from './routes/events.ts';
import { forks } from './routes/forks.ts';
import { healthRoute } from './routes/health.ts';
import { interpolations } from './routes/interpolations.ts';
import { inversions } from './routes/inversions.ts';
import { keys } from './routes/keys.ts';
import { models } from './routes/models.ts';
import { outputs } from './routes/outputs.ts';
import { retention } from './routes/retention.ts';
import { sampleList } from './routes/sample-list.ts';
import { samples } from './routes/samples.ts';
import { site } from './routes/site.ts';
import { trajectory } from './routes/trajectory.ts';
import { webhookDeliveries } from './routes/webhook-deliveries.ts';
import { webhookEndpoints } from './routes/webhook-endpoints.ts';

export const app = new OpenAPIHono<AppEnv>();

app.use(requestId());
app.use(requestLog);
// Pictures are shown by other sites; what may be read is decided by keys and signatures, never by cookies.
app.use(secureHeaders({ crossOriginResourcePolicy: 'cross-origin' }));
app.use('/v1/*', apiHeaders, crossOrigin, authenticate, rateLimit);
app.use('/openapi.json', crossOrigin);

for (const routes of [
  samples,
  retention,
  sampleList,
  events,
  outputs,
  trajectory,
  forks,
  inversions,
  interpolations,
  models,
  account,
  accounts,
  keys,
  healthRoute,
]) {
  app.route('/', routes);
}
app.route('/', webhookEndpoints);
app.route('/', webhookDeliveries);
app.route('/', site);

app.get('/openapi.json', (c) => c.json(describeApi(app, new URL(c.req.url).origin)));

app.notFound((c) => {
  const allowed = methodsAt(c.req.path);
  if (allowed.length === 0) {
    const detail = `${c.req.method} ${c.req.path} is not part of this API; /openapi.json lists what is`;
    return problemResponse(c, new Problem('not-found', detail));
  }
  c.header('Allow', allowed.join(', '));
  const detail = `${c.req.method} is not possible here; ${allowed.join(' and ')} is`;
  return problemResponse(c, new Problem('method-not-allowed', detail));
});

/** Methods some route answers to at this path. */
function methodsAt(path: string): string[] {
  const routes = app.routes.filter(
    (route) => route.method !== 'ALL' && new RegExp(`^${route.path.replace(/:[^/]+/g, '[^/]+')}$`).test(path),
  );
  return [...new Set(routes.map((route) => route.method))].sort();
}

app.onError((error, c) => {
  if (error instanceof Problem) return problemResponse(c, error);
  if (error instanceof HTTPException && error.status < 500) {
    return problemResponse(c, new Problem('malformed-json', error.message));
  }
  console.error(
    JSON.stringify({ request: c.get('requestId'), path: c.req.path, error: error.stack ?? String(error) }),
  );
  if (isUnmigrated(error)) {
    c.header('Retry-After', '1');
    return problemResponse(c, new Problem('unavailable', 'the database waits for its migrations'));
  }
  return problemResponse(
    c,
    new Problem('internal-error', `please name request ${c.get('requestId')} when you report this`),
  );
});
