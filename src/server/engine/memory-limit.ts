/** A ceiling on the memory of an engine process. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';

const INTERVAL_MS = 250;

/** Whether this system tells a process how much memory another one has. */
export function canLimitMemory(): boolean {
  return existsSync('/proc/self/status');
}

/**
 * Looks at the process's resident memory, also in the middle of a run, when the process itself can't.
 *
 * @param exceeded called once, with what it had
 * @returns what ends the watch
 */
export function limitMemory(pid: number, limitBytes: number, exceeded: (bytes: number) => void): () => void {
  const timer = setInterval(async () => {
    const bytes = await residentBytes(pid);
    if (bytes === null || bytes <= limitBytes) return;
    clearInterval(timer);
    exceeded(bytes);
  }, INTERVAL_MS);
  timer.unref();
  return () => clearInterval(timer);
}

/** @returns null if the process is gone */
export async function residentBytes(pid: number): Promise<number | null> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  const kilobytes = /^VmRSS:\s+(\d+) kB/m.exec(status)?.[1];
  return kilobytes === undefined ? null : Number(kilobytes) * 1024;
}
