/** What is alive of a process group, by the system's own table. */
import { execFile } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

/** Process ids of a group, without those that are dead and only not yet collected. */
async function aliveInGroup(group: number): Promise<number[]> {
  const { stdout } = await promisify(execFile)('ps', ['-A', '-o', 'pid=,pgid=,stat=']);
  return stdout.split('\n').flatMap((line) => {
    const [pid, pgid, stat] = line.trim().split(/\s+/);
    return Number(pgid) === group && stat?.startsWith('Z') === false ? [Number(pid)] : [];
  });
}

/** SIGKILL to every process of the group at once. */
export function killGroup(group: number): void {
  try {
    process.kill(-group, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/**
 * Waits until nobody of a group is left: a killed process still gives its memory back.
 *
 * @returns who is still there after five seconds
 */
export async function survivorsOfGroup(group: number): Promise<number[]> {
  const deadline = Date.now() + 5_000;
  for (;;) {
    const alive = await aliveInGroup(group);
    if (alive.length === 0 || Date.now() > deadline) return alive;
    await sleep(50);
  }
}
