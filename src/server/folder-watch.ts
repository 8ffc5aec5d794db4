/** Notices changes below a folder. */
import { type FSWatcher, watch } from 'node:fs';
import type { Log } from './log/log.ts';

export interface WatchOptions {
  /** From an event to the look: changes come in bursts. */
  readonly debounceMs: number;
  /** Looks without an event, which network file systems do not send. */
  readonly pollMs: number;
  readonly log: Pick<Log, 'warn'>;
}

/**
 * Calls `look` when something below the folder may have changed, one call at a time, and again soon while it answers
 * false.
 *
 * @returns what ends it; it resolves when a call that is under way is over
 */
export function watchFolder(
  folder: string,
  { debounceMs, pollMs, log }: WatchOptions,
  look: () => Promise<boolean>,
): () => Promise<void> {
  let timer: NodeJS.Timeout;
  let running: Promise<void> | null = null;
  let again = false;
  let ended = false;

  const schedule = (ms: number) => {
    clearTimeout(timer);
    if (!ended) timer = setTimeout(run, ms);
  };
  const run = () => {
    again = false;
    running = look()
      .catch((error: unknown) =>
        log.warn(`looking for models failed: ${error instanceof Error ? error.message : error}`),
      )
      .then((settled) => {
        running = null;
        schedule(again || settled === false ? debounceMs : pollMs);
      });
  };
  const changed = () => {
    if (running === null) schedule(debounceMs);
    else again = true;
  };

  let watcher: FSWatcher | null = null;
  try {
    watcher = watch(folder, { recursive: true, persistent: false }, changed);
    watcher.on('error', (error) =>
      log.warn(`only looking every ${pollMs / 1000} s from now on: ${error.message}`),
    );
  } catch (error) {
    log.warn(`only looking every ${pollMs / 1000} s: ${error instanceof Error ? error.message : error}`);
  }
  schedule(pollMs);
  return async () => {
    ended = true;
    clearTimeout(timer);
    watcher?.close();
    await running;
  };
}
