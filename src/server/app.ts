/** The server's routes: REST of the Open Inference Protocol v2 with binary tensors. */
import { Hono } from 'hono';
import { bearerAuth } from 'hono/bearer-auth';
import { bodyLimit } from 'hono/body-limit';
import packageJson from '../../package.json' with { type: 'json' };
import { errorResponse, notFound } from './errors.ts';
import { infer } from './infer.ts';
import type { ModelRunner, TensorSignature } from './model-runner.ts';

/** Every model has this one version. */
const VERSION = '1';

/** What the routes see of the running server. */
export interface ServerState {
  /** Models are loaded and warm, and the server is not about to stop. */
  readonly ready: boolean;
  readonly models: ReadonlyMap<string, ModelRunner>;
}

export interface AppOptions {
  readonly state: ServerState;
  /** Required as a bearer token by everything but health. */
  readonly token: string | undefined;
  /** Largest request body in bytes. */
  readonly maxBodyBytes: number;
}

export function createApp({ state, token, maxBodyBytes }: AppOptions): Hono {
  const app = new Hono();
  app.onError(errorResponse);
  app.notFound((c) => c.json({ error: `there is no ${c.req.method} ${c.req.path}` }, 404));

  // A server that is stopping must not keep its clients' connections.
  app.use(async (c, next) => {
    await next();
    if (!state.ready) c.header('connection', 'close');
  });
  app.get('/v2/health/live', (c) => c.json({ live: true }));
  app.get('/v2/health/ready', (c) => c.json({ ready: state.ready }, state.ready ? 200 : 503));

  if (token !== undefined) {
    const message = { error: 'expected the header Authorization: Bearer with the token of this server' };
    app.use(
      bearerAuth({
        token,
        noAuthenticationHeader: { message },
        invalidAuthenticationHeader: { message },
        invalidToken: { message },
      }),
    );
  }
  app.get('/v2', (c) =>
    c.json({ name: packageJson.name, version: packageJson.version, extensions: ['binary_tensor_data'] }),
  );

  for (const model of ['/v2/models/:name', '/v2/models/:name/versions/:version'] as const) {
    const find = (name: string, version: string | undefined) => findModel(state, name, version);
    app.get(model, (c) => c.json(metadata(find(c.req.param('name'), c.req.param('version')))));
    app.get(`${model}/ready`, (c) => {
      const { name } = find(c.req.param('name'), c.req.param('version')).signature;
      return c.json({ name, ready: state.ready }, state.ready ? 200 : 503);
    });
    app.post(
      `${model}/infer`,
      bodyLimit({
        maxSize: maxBodyBytes,
        onError: (c) => c.json({ error: `the body has more than ${maxBodyBytes} bytes` }, 413),
      }),
      async (c) => {
        if (!state.ready) {
          return c.json({ error: 'the server is not ready' }, 503, { 'retry-after': '1' });
        }
        return infer(find(c.req.param('name'), c.req.param('version')), VERSION, c.req.raw);
      },
    );
  }
  return app;
}

function findModel(state: ServerState, name: string, version: string | undefined): ModelRunner {
  const model = state.models.get(name);
  if (model === undefined) throw notFound(`there is no model "${name}"`);
  if (version !== undefined && version !== VERSION) {
    throw notFound(`model "${name}" has no version "${version}", only "${VERSION}"`);
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
  };
}
