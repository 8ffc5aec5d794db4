/** `cairn serve`: an inference server on onnxruntime, speaking the Open Inference Protocol v2. */
import { createApp } from './app.ts';
import { Batcher, type BatcherOptions, DEFAULT_BATCHING } from './batching/index.ts';
import { collectSeldom } from './heap.ts';
import { BufferPool } from './http/buffer-pool.ts';
import { ByteBudget } from './http/byte-budget.ts';
import { InFlight } from './http/in-flight.ts';
import { DEFAULT_LIMITS, type Limits } from './http/limits.ts';
import { type Listener, type ListenerEvents, listen } from './http/listener.ts';
import type { TlsFiles } from './http/tls.ts';
import { watchTokens } from './http/tokens.ts';
import { type Log, quietLog } from './log/log.ts';
import { ServerMetrics } from './metrics/metrics.ts';
import { type ModelOptions, repositoryOptions } from './model-options.ts';
import { ModelRepository } from './model-repository.ts';

export type { Limits } from './http/limits.ts';
export { createLog, type Log, type LogOptions } from './log/log.ts';
export { closeOnSignals } from './signals.ts';

export interface ServerOptions extends ModelOptions {
  /** Folder of model folders. */
  readonly modelsDir: string;
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** Bearer tokens; every call but health must carry one of them. */
  readonly tokens?: readonly string[];
  /** File with more of them, one a line; read again when it changes. */
  readonly tokenFile?: string;
  /** Whether /metrics needs no token. */
  readonly openMetrics?: boolean;
  /** HTTPS in the place of HTTP; the files are read again when they change. */
  readonly tls?: TlsFiles;
  /** Where they differ from the defaults. */
  readonly limits?: Partial<Limits>;
  /** Where it differs from the defaults. */
  readonly batching?: Partial<Omit<BatcherOptions, 'concurrency' | 'observer' | 'timers'>>;
  /** How long {@link RunningServer.close} waits for what runs and waits, in milliseconds. Default 30 s. */
  readonly graceMs?: number;
  /** Default: what is wrong, on standard error. */
  readonly log?: Log;
}

export interface RunningServer {
  readonly url: string;
  /** Names on the wire, as they are now. */
  readonly models: readonly string[];
  /** Refuses new work at once, finishes what runs and waits, and frees everything. */
  close(): Promise<void>;
}

/** Bytes of memory for large bodies and answers that the server keeps while there are none. */
const POOLED_BYTES = 64 * 1024 * 1024;

/** For the last answers to reach their clients, in milliseconds. */
const LINGER_MS = 250;

/**
 * Starts the server. It answers health while it loads; the promise resolves when every model is loaded and warm.
 *
 * @throws {Error} if the port is taken, a file of tokens or TLS can't be used, or no model can be served; the message
 *   has every refused folder's reason
 */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const { modelsDir, host, port, graceMs = 30_000, log = quietLog() } = options;
  collectSeldom();
  const inFlight = new InFlight();
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const budget = new ByteBudget(limits.maxBytesInFlight);
  const pool = new BufferPool(POOLED_BYTES);
  let listener: Listener | undefined;
  const metrics = new ServerMetrics({
    connections: () => listener?.connections ?? 0,
    bytesInFlight: () => budget.held,
    requestsInFlight: () => inFlight.count,
    ready: () => state.ready,
    models: () => [...repository.models.values()].map(({ signature }) => signature),
    engines: () => repository.engineBytes(),
  });
  const batching = { ...DEFAULT_BATCHING, ...options.batching };
  // One batch for each engine process.
  const batcher = new Batcher({ ...batching, concurrency: options.engines ?? 1, observer: metrics });
  const repository = new ModelRepository(modelsDir, {
    ...repositoryOptions(options, pool),
    maxBatchSize: batching.maxBatchSize,
    exactBatchSize: batching.exactBatchSize,
    serve: (family) => batcher.serve(family),
    log,
    engineRestarted: (model) => metrics.engineRestarted(model),
  });
  const state = {
    ready: false,
    models: repository.models,
    isReady: (name: string) => state.ready && repository.isReady(name),
  };
  const tokens = watchTokens({ tokens: options.tokens ?? [], file: options.tokenFile }, log);
  const openMetrics = options.openMetrics ?? false;
  const app = createApp({ state, tokens, openMetrics, limits, budget, pool, inFlight, metrics, log });
  try {
    listener = await listen({
      ...{ host, port, limits, fetch: app.fetch, events: listenerEvents(metrics, log) },
      ...(options.tls && { tls: options.tls }),
    });
    await repository.load();
    if (repository.models.size === 0) throw new Error(noModels(modelsDir, repository));
  } catch (error) {
    tokens?.close();
    await listener?.close(0);
    await repository.close();
    throw error;
  }
  const listening = listener;
  state.ready = true;
  log.info('ready', { url: listening.url, models: [...repository.models.keys()] });

  let closing: Promise<void> | undefined;
  const close = async () => {
    state.ready = false;
    inFlight.closeConnections();
    log.info('stopping', { requests: inFlight.count, grace_ms: graceMs });
    // Until then the port stays open: whoever asks is told that this server does not take more.
    await inFlight.settled(graceMs);
    if (inFlight.count > 0) log.warn('the grace is over', { requests: inFlight.count });
    await listening.close(inFlight.count > 0 ? 0 : LINGER_MS);
    tokens?.close();
    await repository.close();
    log.info('stopped');
  };
  return {
    url: listening.url,
    get models() {
      return [...repository.models.keys()];
    },
    close: () => (closing ??= close()),
  };
}

function listenerEvents(metrics: ServerMetrics, log: Log): ListenerEvents {
  return {
    connectionRefused: () => {
      metrics.connectionRefused();
      log.warn('refused a connection: there are too many');
    },
    connectionBroken: (reason) => {
      metrics.connectionBroken();
      log.info('cut a connection', { reason });
    },
    tlsReloaded: () => log.info('read certificate and key again'),
    tlsRefused: (reason) => log.error('kept the old certificate', { reason }),
  };
}

function noModels(modelsDir: string, { refused }: ModelRepository): string {
  const reasons = refused.map(({ folder, reason }) => `\n  ${folder}: ${reason}`).join('');
  return `no model to serve in ${modelsDir}${reasons || ': no folder there has a model.json'}`;
}
