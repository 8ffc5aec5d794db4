/**
 * Many small jobs of one account at the same time, looked at from all sides: every job is polled, some have readers of
 * their events, half of whom stall until all is over, some are canceled, and two webhooks a job, one of the account and
 * one of its own, meet a receiver that fails three times in ten.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { CairnClient, type SampleResponse } from '../../client/index.ts';
import { messageOf } from '../../durable/batch/retry.ts';
import { beginJob, type LoadParts, pollJob } from './job-life.ts';
import type { GetKind, LoadPlan, LoadResult, LoadTarget } from './load.ts';
import { openTimedClient } from './timed-get.ts';
import { openWebhooks } from './webhooks.ts';

/** Between two polls of the floor: a fraction of the others. */
const FLOOR_EVERY_MS = 20;
/** A reader that has not come to the end of its events by then never will. */
const READERS_MS = 60_000;

/** Never throws for what the load brings to light: that is a problem in the result. */
export async function runLoad(
  { url, apiKey, receiver, floorPath }: LoadTarget,
  plan: LoadPlan,
): Promise<LoadResult> {
  const client = new CairnClient(url, { apiKey });
  const gets = openTimedClient(url, { Authorization: `Bearer ${apiKey}` });
  const webhooks = await openWebhooks(client, receiver);
  const times: Record<GetKind, number[]> = { sample: [], list: [], floor: [] };
  const readers: LoadParts['readers'] = { reading: [], stalled: [] };
  const note = (kind: GetKind, ms: number) => times[kind].push(ms);
  const parts: LoadParts = { plan, client, gets, readers, note, webhook: webhooks.ofJob };
  try {
    const over = new AbortController();
    const floor = pollFloor(floorPath, parts, over.signal);
    const startedAt = performance.now();
    const { jobs, mostAtOnce } = await runJobs(parts);
    const jobsMs = performance.now() - startedAt;
    over.abort();
    await floor;
    const ended = jobs.filter((job) => typeof job !== 'string');
    const { problems, tally } = await webhooks.settle(ended);
    return {
      problems: [
        ...jobs.filter((job) => typeof job === 'string'),
        ...ended.flatMap(endProblem),
        ...(await readerProblems(readers)),
        ...problems,
      ],
      gets: times,
      jobsMs,
      mostAtOnce,
      webhooksMs: performance.now() - startedAt - jobsMs,
      ends: tallyOf(ended),
      readers: { reading: readers.reading.length, stalled: readers.stalled.length },
      webhooks: tally,
    };
  } finally {
    gets.close();
    await webhooks.close();
  }
}

/**
 * Requests come at an even pace, whether those before were answered or not; polls of a job begin when it was accepted.
 *
 * @returns each job at its end, or why it has none
 */
async function runJobs(
  parts: LoadParts,
): Promise<{ readonly jobs: (SampleResponse | string)[]; readonly mostAtOnce: number }> {
  const { jobs: count, arrivals } = parts.plan;
  let underWay = 0;
  let mostAtOnce = 0;
  const live = async (index: number) => {
    const id = await beginJob(index, parts);
    mostAtOnce = Math.max(mostAtOnce, ++underWay);
    return pollJob(index, id, parts).finally(() => underWay--);
  };
  const startedAt = performance.now();
  const jobs: Promise<SampleResponse | string>[] = [];
  for (let index = 0; index < count; index++) {
    await sleep(Math.max(0, startedAt + (index * 1000) / arrivals - performance.now()));
    jobs.push(live(index).catch(messageOf));
  }
  return { jobs: await Promise.all(jobs), mostAtOnce };
}

async function pollFloor(path: string, { gets, note }: LoadParts, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    note('floor', (await gets.get(path)).ms);
    await sleep(FLOOR_EVERY_MS);
  }
}

function endProblem({ id, status, error }: SampleResponse): string[] {
  return status === 'failed' ? [`${id} failed: ${error?.message}`] : [];
}

async function readerProblems({ reading, stalled }: LoadParts['readers']): Promise<string[]> {
  for (const reader of stalled) reader.goOn();
  const late = sleep(READERS_MS, 'its events did not end', { ref: false });
  const verdicts = await Promise.all(
    [...reading, ...stalled].map(({ verdict }) => Promise.race([verdict, late])),
  );
  return verdicts.flatMap((problem) => (problem === null ? [] : [`a reader: ${problem}`]));
}

function tallyOf(samples: readonly SampleResponse[]): Record<string, number> {
  const groups = Map.groupBy(samples, ({ status }) => status);
  return Object.fromEntries([...groups].map(([status, group]) => [status, group.length]));
}
