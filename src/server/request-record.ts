/** What is remembered of one request, from its head to the end of its answer: for the log and the metrics. */
import type { HttpBindings } from '@hono/node-server';
import type { MiddlewareHandler } from 'hono';
import type { AppOptions } from './app.ts';
import type { Failure } from './errors.ts';
import { closeAfter } from './http/in-flight.ts';
import type { RequestFacts } from './infer.ts';

export interface RequestContext {
  Bindings: HttpBindings;
  Variables: {
    /** Fires when the client has gone. */
    signal: AbortSignal;
    facts: RequestFacts;
    failure?: Failure;
  };
}

/** Clients choose ids; a line of the log stays a line. */
const LONGEST_ID = 100;

/** That a server or model is not ready is what these are asked for, and nothing to warn of. */
const PROBE = /\/(live|ready)\/?$/;

function levelOf(status: number, isInference: boolean, isProbe: boolean): 'debug' | 'info' | 'warn' {
  if (isProbe && status === 503) return 'debug';
  if (status >= 500) return 'warn';
  return isInference || status >= 400 ? 'info' : 'debug';
}

/** Gives each request its signal and its facts, and writes them down when it has ended. */
export function watchRequest(options: AppOptions): MiddlewareHandler<RequestContext> {
  const { state, inFlight, metrics, log } = options;
  return async (c, next) => {
    const { outgoing } = c.env;
    const came = performance.now();
    const gone = new AbortController();
    const facts: RequestFacts = { bytesIn: 0, bytesOut: 0 };
    c.set('signal', gone.signal);
    c.set('facts', facts);
    const isInference = c.req.method === 'POST' && c.req.path.endsWith('/infer');
    if (isInference) inFlight.add(outgoing);
    // A server that is stopping must not keep its clients' connections.
    if (!state.ready) closeAfter(outgoing);

    outgoing.once('close', () => {
      const whole = outgoing.writableFinished;
      if (!whole) gone.abort();
      const failure = c.get('failure');
      const reason = whole ? failure?.reason : 'gone';
      const status = whole ? outgoing.statusCode : 499;
      const seconds = (performance.now() - came) / 1000;
      const { model = '', bytesIn, bytesOut } = facts;
      if (isInference) {
        metrics.requestEnded({ model, status, seconds, bytesIn, bytesOut, ...(reason && { reason }) });
      }
      const level = levelOf(status, isInference, PROBE.test(c.req.path));
      log[level](`${c.req.method} ${c.req.path.slice(0, 200)}`, {
        ...{ status, ms: milliseconds(1000 * seconds) },
        ...(isInference && describe(facts)),
        ...(reason !== undefined && { reason, error_message: whole ? failure?.message : undefined }),
        client: c.env.incoming.socket.remoteAddress,
      });
    });
    await next();
  };
}

function describe({ model, id, owner, items, exact, run, bytesIn, bytesOut }: RequestFacts) {
  return {
    ...{ model, id: id?.slice(0, LONGEST_ID), owner, items, exact },
    ...(run !== undefined && {
      wait_ms: milliseconds(run.waitMs),
      run_ms: milliseconds(run.runMs),
      batch: run.batchSize,
    }),
    ...{ bytes_in: bytesIn, bytes_out: bytesOut },
  };
}

/** To the microsecond. */
function milliseconds(value: number): number {
  return Math.round(1000 * value) / 1000;
}
