/** What goes wrong during a soak, and how often it did. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Fault } from '../../support/shared.ts';
import type { Random } from '../random.ts';
import type { SoakServer } from './servers.ts';

const SPOILS: readonly Fault[] = [
  'hang',
  'slow',
  'reset',
  'garbage',
  'nan',
  'unavailable',
  'patience',
  'wrong_digest',
  'down',
];

/**
 * Breaks something every second or so until the signal fires. The first server is never killed, so that its memory
 * tells something; its proxy is as bad as the others'.
 *
 * @returns how often each thing was done
 */
export async function breakThings(
  servers: readonly SoakServer[],
  random: Random,
  signal: AbortSignal,
): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  const pick = <T>(from: readonly T[]) => from[Math.floor(random.between(0, from.length))]!;
  const count = (what: string, by = 1) => counts.set(what, (counts.get(what) ?? 0) + by);
  while (!signal.aborted) {
    await sleep(random.between(200, 2_000), undefined, { signal }).catch(() => {});
    if (signal.aborted) break;
    const kind = random.between(0, 10);
    if (kind < 1) {
      await pick(servers.slice(1)).kill(random.between(0, 2_000));
      count('SIGKILL of a server');
    } else if (kind < 2) {
      await pick(servers.slice(1)).killEngine();
      count('SIGKILL of an engine');
    } else {
      const fault = pick(SPOILS);
      const times = fault === 'down' ? 1 : 1 + Math.floor(random.between(0, 5));
      await pick(servers).spoil(fault, times, random.between(200, 2_500));
      count(`calls to spoil: ${fault}`, times);
    }
  }
  for (const server of servers) await server.spoil('slow', 0, 0);
  return counts;
}
