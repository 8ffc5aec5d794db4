/** Resident memory of a soak's processes over its time. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Course, courseOf, type Sample } from './memory.ts';
import { processesOf } from './processes.ts';
import type { SoakServer } from './servers.ts';

const SAMPLE_MS = 2_000;

/** By what the command line of each process has; the first server is the one that is never killed. */
export function watchResident(cairn: number, server: SoakServer): () => Promise<Course[]> {
  const courses = new Map<string, Sample[]>();
  const start = performance.now();
  const note = (name: string, MiB: number) => {
    const samples = courses.get(name) ?? [];
    courses.set(name, samples);
    if (MiB > 0) samples.push({ minute: (performance.now() - start) / 60_000, MiB });
  };
  const sum = (entries: readonly { residentMiB: number }[]) =>
    entries.reduce((total, { residentMiB }) => total + residentMiB, 0);
  let watching = true;
  const done = (async () => {
    while (watching) {
      const [ours, theirs] = await Promise.all([processesOf(cairn), processesOf(server.script.group)]);
      note('workerd', sum(ours.filter(({ command }) => /workerd\S* serve/.test(command))));
      note('Node of npm start', sum(ours.filter(({ command }) => /main\.ts start/.test(command))));
      note('inference server', sum(theirs.filter(({ command }) => /main\.ts serve/.test(command))));
      note('its engine', sum(theirs.filter(({ command }) => command.includes('engine/main.ts'))));
      await sleep(SAMPLE_MS);
    }
  })();
  return async () => {
    watching = false;
    await done;
    return [...courses].map(([name, samples]) => courseOf(name, samples));
  };
}
