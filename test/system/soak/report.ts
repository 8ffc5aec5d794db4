/** A soak in a few tables, and whether anything was lost. */
import { terminalTable } from '../../../src/bench/table.ts';
import type { JobOutcome } from './jobs.ts';
import { growthPerHundredJobs, hasGrown, hasLeaked } from './memory.ts';
import type { SoakResult } from './run.ts';

/** Memory of less than this many minutes says nothing. */
const MEMORY_MINUTES = 5;

/** @returns a line each; empty if all went as it should */
export function problemsOf({ jobs, memory, heaps, exitCode }: SoakResult, minutes: number): string[] {
  const problems = jobs.flatMap(({ problem }) => problem ?? []);
  if (exitCode !== 0) problems.push(`Cairn ended with ${exitCode}`);
  for (const growth of heaps.filter(hasLeaked)) {
    const { heap, earlyMiB, lateMiB } = growth;
    problems.push(
      `what lives in the heap of ${heap} grew from ${earlyMiB.toFixed(1)} to ${lateMiB.toFixed(1)} MiB in ${growth.jobs} jobs`,
    );
  }
  if (minutes < MEMORY_MINUTES) return problems;
  const grown = memory.filter(hasGrown).map(({ process, earlyMiB, lateMiB }) => {
    return `${process} grew from ${earlyMiB.toFixed(0)} to ${lateMiB.toFixed(0)} MiB`;
  });
  return [...problems, ...grown];
}

export function reportOf({ jobs, faults, neighbours, memory, heaps }: SoakResult): string {
  const faultRows = [...faults].toSorted().map(([what, count]) => [what, String(count)]);
  const memoryRows = memory.map(({ process, earlyMiB, lateMiB, slopeMiBPerMinute }) => [
    process,
    earlyMiB.toFixed(0),
    lateMiB.toFixed(0),
    slopeMiBPerMinute.toFixed(2),
  ]);
  const heapRows = heaps.map((growth) => [
    growth.heap,
    growth.earlyMiB.toFixed(1),
    growth.lateMiB.toFixed(1),
    growthPerHundredJobs(growth).toFixed(2),
  ]);
  return [
    terminalTable(
      ['jobs', 'fate', 'asked', 'succeeded', 'canceled', 'same bytes', 'wrong or lost'],
      rowsOf(jobs),
    ),
    `steps of others: ${neighbours.answered} answered, ${neighbours.failed} failed for now`,
    terminalTable(['fault', 'times'], faultRows),
    terminalTable(['resident memory, MiB', '2nd quarter', 'last quarter', 'per minute'], memoryRows),
    terminalTable(
      ['live in the heap at rest, MiB', 'after a quarter', 'at the end', 'per 100 jobs'],
      heapRows,
    ),
  ].join('\n\n');
}

function rowsOf(jobs: readonly JobOutcome[]): string[][] {
  const groups = Map.groupBy(jobs, ({ reproducibility, fate }) => `${reproducibility} ${fate}`);
  return [...groups].toSorted().map(([name, group]) => {
    const count = (test: (job: JobOutcome) => boolean) => String(group.filter(test).length);
    return [
      ...name.split(' '),
      String(group.length),
      count(({ status }) => status === 'succeeded'),
      count(({ status }) => status === 'canceled'),
      count(({ same }) => same === true),
      count(({ problem }) => problem !== null),
    ];
  });
}
