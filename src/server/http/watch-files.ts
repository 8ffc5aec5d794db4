import { unwatchFile, watchFile } from 'node:fs';

/** Files on network disks and in mounted secrets tell nobody when they change: they are asked. */
const ASK_EVERY_MS = 2000;

/**
 * Calls back whenever one of the files has changed.
 *
 * @returns what ends it
 */
export function watchFiles(
  paths: readonly string[],
  changed: () => void,
  everyMs = ASK_EVERY_MS,
): () => void {
  const listener = (now: { mtimeMs: number; ino: number }, before: { mtimeMs: number; ino: number }) => {
    if (now.mtimeMs !== before.mtimeMs || now.ino !== before.ino) changed();
  };
  for (const path of paths) watchFile(path, { interval: everyMs, persistent: false }, listener);
  return () => {
    for (const path of paths) unwatchFile(path, listener);
  };
}
