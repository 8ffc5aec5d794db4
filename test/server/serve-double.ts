/** The server's HTTP side on a real socket, with one model whose answers are the test's. */
import { createApp, type ServerState } from '../../src/server/app.ts';
import { BufferPool } from '../../src/server/http/buffer-pool.ts';
import { ByteBudget } from '../../src/server/http/byte-budget.ts';
import { InFlight } from '../../src/server/http/in-flight.ts';
import { DEFAULT_LIMITS, type Limits } from '../../src/server/http/limits.ts';
import { listen } from '../../src/server/http/listener.ts';
import type { TlsFiles } from '../../src/server/http/tls.ts';
import { TokenSet } from '../../src/server/http/tokens.ts';
import { ServerMetrics } from '../../src/server/metrics/metrics.ts';
import type { ModelRunner, RunOptions } from '../../src/server/model-runner.ts';
import { listLog } from './log-lines.ts';

export interface DoubleOptions {
  ready?: boolean;
  tokens?: string[];
  openMetrics?: boolean;
  limits?: Partial<Limits>;
  tls?: TlsFiles;
  /** Images of a request at most, one float each. */
  maxBatchSize?: number;
  /** Floats of an answer. */
  answerSize?: number;
}

/** @param answer gives the value that the model `m` answers with */
export async function serveDouble(
  answer: (options: RunOptions) => Promise<number>,
  {
    ready = true,
    tokens,
    openMetrics = false,
    maxBatchSize = 2,
    answerSize = 1,
    tls,
    ...rest
  }: DoubleOptions = {},
) {
  const limits = { ...DEFAULT_LIMITS, ...rest.limits };
  const x = { name: 'x', datatype: 'FP32' as const, shape: [-1] };
  const runner: ModelRunner = {
    signature: { name: 'm', digest: 'sha256:d', inputs: [x], outputs: [x], maxBatchSize },
    infer: async (_, __, runOptions) => {
      const data = new Float32Array(answerSize).fill(await answer(runOptions));
      return [{ name: 'x', datatype: 'FP32', shape: [answerSize], data }];
    },
  };
  const state: ServerState = { ready, models: new Map([['m', runner]]), isReady: () => ready };
  const entries: Record<string, unknown>[] = [];
  const log = listLog(entries);
  const metrics = new ServerMetrics({
    connections: () => listener.connections,
    bytesInFlight: () => budget.held,
    requestsInFlight: () => inFlight.count,
    ready: () => ready,
    models: () => [runner.signature],
    engines: async () => [],
  });
  const budget = new ByteBudget(limits.maxBytesInFlight);
  const inFlight = new InFlight();
  const app = createApp({
    ...{ state, metrics, openMetrics, limits, log, budget, inFlight, pool: new BufferPool(2 ** 26) },
    tokens: tokens === undefined ? null : new TokenSet(tokens),
  });
  const broken: string[] = [];
  const listener = await listen({
    ...{ host: '127.0.0.1', port: 0, limits, fetch: app.fetch, ...(tls && { tls }) },
    events: {
      connectionRefused: () => metrics.connectionRefused(),
      connectionBroken: (reason) => broken.push(reason),
      tlsReloaded: () => log.info('reloaded'),
      tlsRefused: (reason) => log.error(reason),
    },
  });
  const { url } = listener;
  const post = (parameters?: Record<string, unknown>, headers: Record<string, string> = {}) => {
    const inputs = [{ name: 'x', datatype: 'FP32', shape: [1], data: [1] }];
    const body = JSON.stringify({ id: 'mine', parameters, inputs });
    return fetch(`${url}/v2/models/m/infer`, { method: 'POST', headers, body });
  };
  return { url, port: Number(new URL(url).port), listener, post, entries, metrics, budget, inFlight, broken };
}
