/** `cairn serve`: an inference server on onnxruntime, speaking the Open Inference Protocol v2. */
import { once } from 'node:events';
import { Server } from 'node:http';
import { createAdaptorServer } from '@hono/node-server';
import { createApp } from './app.ts';
import { type ModelOptions, repositoryOptions } from './model-options.ts';
import { ModelRepository } from './model-repository.ts';
import type { ModelRunner } from './model-runner.ts';
import { serveOneAtATime } from './one-at-a-time.ts';
import { RunGate } from './run-gate.ts';

export { closeOnSignals } from './signals.ts';

export interface ServerOptions extends ModelOptions {
  /** Folder of model folders. */
  readonly modelsDir: string;
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** Bearer token that every call but health must carry. */
  readonly token?: string;
  /** Largest request body in bytes. Default 64 MB. */
  readonly maxBodyBytes?: number;
  /** Runs that may wait for their turn; more are answered 503. Default 256. */
  readonly maxWaiting?: number;
  /** How long {@link RunningServer.close} waits for what still runs, in milliseconds. Default 30 s. */
  readonly graceMs?: number;
  /** Takes one line for people: refused models, readiness. Default: standard error. */
  readonly log?: (line: string) => void;
}

export interface RunningServer {
  readonly url: string;
  /** Names on the wire. */
  readonly models: readonly string[];
  /** Refuses new work, finishes what runs, and frees everything. */
  close(): Promise<void>;
}

/**
 * Starts the server. It answers health while it loads; the promise resolves when every model is loaded and warm.
 *
 * @throws {Error} if the port is taken, or if no model can be served; the message has every refused folder's reason
 */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const { modelsDir, host, port, token, graceMs = 30_000 } = options;
  const log = options.log ?? ((line) => console.error(line));
  const gate = new RunGate(options.maxWaiting ?? 256);
  const state = { ready: false, models: new Map<string, ModelRunner>() as ReadonlyMap<string, ModelRunner> };
  const app = createApp({ state, token, maxBodyBytes: options.maxBodyBytes ?? 64 * 1024 * 1024 });
  const server = await listen(createAdaptorServer({ fetch: app.fetch }), host, port);

  const repository = new ModelRepository(modelsDir, {
    ...repositoryOptions(options),
    maxBatchSize: null,
    serve: serveOneAtATime(gate),
    log,
  });
  try {
    await repository.load();
    if (repository.models.size === 0) throw new Error(noModels(modelsDir, repository));
  } catch (error) {
    await stop(server, 0);
    await repository.close();
    throw error;
  }
  state.models = repository.models;
  state.ready = true;

  let closing: Promise<void> | undefined;
  const close = async () => {
    state.ready = false;
    await stop(server, graceMs);
    await repository.close();
  };
  return {
    url: urlOf(server, host),
    models: [...repository.models.keys()],
    close: () => (closing ??= close()),
  };
}

async function listen(server: unknown, host: string, port: number): Promise<Server> {
  if (!(server instanceof Server)) throw new TypeError('expected a plain HTTP server');
  server.listen(port, host);
  await once(server, 'listening');
  return server;
}

/** Lets requests in progress finish, but no longer than `graceMs`. */
async function stop(server: Server, graceMs: number): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  const timer = setTimeout(() => server.closeAllConnections(), graceMs);
  await closed;
  clearTimeout(timer);
}

function urlOf(server: Server, host: string): string {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  return `http://${host.includes(':') ? `[${host}]` : host}:${address.port}`;
}

function noModels(modelsDir: string, { refused }: ModelRepository): string {
  const reasons = refused.map(({ folder, reason }) => `\n  ${folder}: ${reason}`).join('');
  return `no model to serve in ${modelsDir}${reasons || ': no folder there has a model.json'}`;
}
