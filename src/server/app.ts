/** The server's routes: REST of the Open Inference Protocol v2 with binary tensors, and /metrics. */
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import { type Context, Hono } from 'hono';
import { bearerAuth } from 'hono/bearer-auth';
import { HTTPException } from 'hono/http-exception';
import packageJson from '../../package.json' with { type: 'json' };
import { failureOf, notFound } from './errors.ts';
import type { BufferPool } from './http/buffer-pool.ts';
import type { ByteBudget } from './http/byte-budget.ts';
import type { InFlight } from './http/in-flight.ts';
import type { Limits } from './http/limits.ts';
import type { TokenCheck } from './http/tokens.ts';
import { infer } from './infer.ts';
import type { Log } from './log/log.ts';
import type { ServerMetrics } from './metrics/metrics.ts';
import type { ModelRunner, TensorSignature } from './model-runner.ts';
import { type RequestContext, watchRequest } from './request-record.ts';

/** Every model has this one version: its graphs change with its digest. */
const VERSION = '1';

/** Tensors as blobs, Triton's `priority` and `timeout`, parameters that clients make up, and what Cairn adds. */
const EXTENSIONS = ['binary_tensor_data', 'schedule_policy', 'parameters', 'cairn_exact', 'cairn_datatype'];

/** What the routes see of the running server. */
export interface ServerState {
  /** Models are loaded and warm, and the server is not about to stop. */
  readonly ready: boolean;
  /** By name on the wire; they come and go with the models folder. */
  readonly models: ReadonlyMap<string, ModelRunner>;
  /** Whether the model of this name can run now. */
  isReady(name: string): boolean;
}

export interface AppOptions {
  readonly state: ServerState;
  /** Needed by everything but health; null for a server open to all. */
  readonly tokens: TokenCheck | null;
  /** Whether /metrics needs no token either. */
  readonly openMetrics: boolean;
  readonly limits: Limits;
  readonly budget: ByteBudget;
  /** Memory of large bodies and answers. */
  readonly pool: BufferPool;
  readonly inFlight: InFlight;
  readonly metrics: ServerMetrics;
  readonly log: Log;
}

type App = Hono<RequestContext>;

export function createApp(options: AppOptions): App {
  const { state, tokens, openMetrics, metrics, log } = options;
  // The protocol's text has /v2, its OpenAPI file has /v2/.
  const app: App = new Hono<RequestContext>({ strict: false });
  app.onError((error, c) => {
    const failure = failureOf(error, c.get('signal').aborted);
    c.set('failure', failure);
    if (failure.unexpected) log.error(failure.message, { error });
    // An answer that has begun can't become another one.
    if (c.env.outgoing.headersSent) {
      c.env.outgoing.destroy();
      return RESPONSE_ALREADY_SENT;
    }
    if (error instanceof HTTPException && error.res !== undefined) return error.res;
    const { status, message, retryAfterSeconds } = failure;
    const headers = retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) };
    return c.json({ error: message }, status, headers);
  });
  app.notFound((c) => {
    throw notFound(`there is no ${c.req.method} ${c.req.path}`);
  });
  app.use(watchRequest(options));

  app.get('/v2/health/live', (c) => c.json({ live: true }));
  // The protocol's text calls the field of both answers `live`.
  app.get('/v2/health/ready', (c) =>
    c.json({ ready: state.ready, live: state.ready }, state.ready ? 200 : 503),
  );
  const sendMetrics = async (c: Context<RequestContext>) =>
    c.body(await metrics.text(), 200, { 'content-type': metrics.registry.contentType });
  if (openMetrics) app.get('/metrics', sendMetrics);
  if (tokens !== null) app.use(requireToken(tokens));
  if (!openMetrics) app.get('/metrics', sendMetrics);

  app.get('/v2', (c) =>
    c.json({ name: packageJson.name, version: packageJson.version, extensions: EXTENSIONS }),
  );
  for (const path of ['/v2/models/:name', '/v2/models/:name/versions/:version'] as const) {
    const find = (c: Context<RequestContext>) =>
      findModel(state, c.req.param('name') ?? '', c.req.param('version'));
    app.get(path, (c) => c.json(metadata(find(c))));
    app.get(`${path}/ready`, (c) => {
      const { name } = find(c).signature;
      const ready = state.isReady(name);
      return c.json({ name, ready }, ready ? 200 : 503);
    });
    app.post(`${path}/infer`, async (c) => {
      if (!state.ready) {
        const failure = { status: 503, reason: 'busy', message: 'the server is not ready' } as const;
        c.set('failure', failure);
        return c.json({ error: failure.message }, failure.status, { 'retry-after': '1' });
      }
      const { incoming, outgoing } = c.env;
      const exchange = { incoming, outgoing, signal: c.get('signal'), facts: c.get('facts') };
      await infer(find(c), exchange, { ...options, version: VERSION });
      return RESPONSE_ALREADY_SENT;
    });
  }
  return app;
}

function requireToken(tokens: TokenCheck) {
  const message = { error: 'expected the header Authorization: Bearer with a token of this server' };
  return bearerAuth({
    verifyToken: (token) => tokens.accepts(token),
    noAuthenticationHeader: { message },
    invalidAuthenticationHeader: { message },
    invalidToken: { message },
  });
}

function findModel(state: ServerState, name: string, version: string | undefined): ModelRunner {
  const model = state.models.get(name);
  if (model === undefined) throw notFound(`there is no model "${name.slice(0, 100)}"`);
  if (version !== undefined && version !== VERSION) {
    throw notFound(`model "${name}" has no version "${version.slice(0, 100)}", only "${VERSION}"`);
  }
  return model;
}

function metadata({ signature }: ModelRunner) {
  const end = ({ name, datatype, shape }: TensorSignature) => ({ name, datatype, shape });
  return {
    name: signature.name,
    versions: [VERSION],
    platform: 'onnx_onnxv1',
    inputs: signature.inputs.map(end),
    outputs: signature.outputs.map(end),
    parameters: { digest: signature.digest, max_batch_size: signature.maxBatchSize },
  };
}
