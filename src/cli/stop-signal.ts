/** Ctrl-C and its relatives as an AbortSignal: the command ends in its own order, and everything it started with it. */

import { CliError } from './cli-error.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export interface StopSignal extends Disposable {
  readonly signal: AbortSignal;
}

/**
 * Aborts at the first signal. More of them change nothing: npm passes on the one that the terminal has already
 * delivered.
 */
export function onStopSignal(): StopSignal {
  const controller = new AbortController();
  const abort = () => controller.abort();
  for (const name of SIGNALS) process.on(name, abort);
  return {
    signal: controller.signal,
    [Symbol.dispose]() {
      for (const name of SIGNALS) process.removeListener(name, abort);
    },
  };
}

/** Resolves when the signal fires. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** The end of a command that Ctrl-C cut short: 128 + SIGINT, as shells count. */
export function interrupted(): CliError {
  return new CliError('interrupted', 130);
}
