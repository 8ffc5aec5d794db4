/** How SIGTERM and SIGINT end a server. */
import type { Log } from './log/log.ts';

/** npm passes on the Ctrl-C that the terminal has already delivered: that is not a second one. */
const SAME_SIGNAL_MS = 1000;

/** For closing to come to its end after the grace: a run that can't be interrupted, then the freeing of sessions. */
const OVERTIME_MS = 5000;

export interface SignalOptions {
  readonly log: Log;
  /** How long closing may take, in milliseconds; somewhat later the process ends in any case. */
  readonly graceMs: number;
}

/**
 * Closes the server at the first SIGTERM or SIGINT, after which the process ends by itself; at the second it ends at
 * once.
 *
 * @returns resolves when the server is closed
 */
export function closeOnSignals(
  server: { close(): Promise<void> },
  { log, graceMs }: SignalOptions,
): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let since: number | undefined;
  const onSignal = (signal: NodeJS.Signals) => {
    const now = performance.now();
    if (since !== undefined) {
      if (now - since < SAME_SIGNAL_MS) return;
      log.warn(`a second signal, ${signal}: ending at once`);
      process.exit(1);
    }
    since = now;
    log.info(`${signal}: finishing what runs, then stopping`);
    setTimeout(() => {
      log.error('closing took too long: ending at once');
      process.exit(1);
    }, graceMs + OVERTIME_MS).unref();
    server
      .close()
      .catch((error: unknown) => {
        log.error('stopping failed', { error });
        process.exitCode = 1;
      })
      .finally(() => {
        for (const name of ['SIGTERM', 'SIGINT'] as const) process.removeListener(name, onSignal);
        resolve();
      });
  };
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.on(name, onSignal);
  return promise;
}
