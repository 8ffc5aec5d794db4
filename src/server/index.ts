/** `cairn serve`: an inference server on onnxruntime, speaking the Open Inference Protocol v2. */
import { once } from 'node:events';
import { Server } from 'node:http';
import { createAdaptorServer } from '@hono/node-server';
import { createApp } from './app.ts';
import { loadRepository, type ModelRepository } from './model-repository.ts';
import type { ModelRunner } from './model-runner.ts';
import { RunGate } from './run-gate.ts';
import { warmUp } from './warm-up.ts';

export { closeOnSignals } from './signals.ts';

export interface ServerOptions {
  /** Folder of model folders. */
  readonly modelsDir: string;
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** Bearer token that every call but health must carry. */
  readonly token?: string;
  /** Threads per run; by default onnxruntime takes all cores. */
  readonly threads?: number;
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
  const { modelsDir, host, port, token, threads, graceMs = 30_000 } = options;
  const log = options.log ?? ((line) => console.error(line));
  const gate = new RunGate(options.maxWaiting ?? 256);
  const state = { ready: false, models: new Map<string, ModelRunner>() as ReadonlyMap<string, ModelRunner> };
  const app = createApp({ state, token, maxBodyBytes: options.maxBodyBytes ?? 64 * 1024 * 1024 });
  const server = await listen(createAdaptorServer({ fetch: app.fetch }), host, port);

  let repository: ModelRepository | undefined;
  try {
    repository = await loadRepository(modelsDir, { gate, threads });
    for (const { folder, reason } of repository.refused) log(`refused ${folder}: ${reason}`);
    if (repository.models.size === 0) throw new Error(noModels(modelsDir, repository));
    for (const runner of repository.models.values()) await warmUp(runner);
  } catch (error) {
    await stop(server, 0);
    await repository?.close();
    throw error;
  }
  const loaded = repository;
  state.models = loaded.models;
  state.ready = true;

  let closing: Promise<void> | undefined;
  const close = async () => {
    state.ready = false;
    await stop(server, graceMs);
    // Behind whatever run the grace has not waited for: a session must not be freed under it.
    await gate.run(() => loaded.close(), new AbortController().signal);
  };
  return {
    url: urlOf(server, host),
    models: [...loaded.models.keys()],
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
