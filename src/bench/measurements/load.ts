import { stepRange } from '../load/job-life.ts';
import type { GetKind, LoadPlan, LoadResult } from '../load/load.ts';
import { runLoad } from '../load/run-load.ts';
import { startLocalWorker } from '../local-worker.ts';
import type { Measurement, Row } from '../measurement.ts';
import { startChild } from '../processes/child.ts';
import { compare, quantile } from '../statistics.ts';

/** Slow enough that hundreds of jobs are under way at the same time on a machine with two cores. */
const STEP_MS = 4_000;
const RUNNING = 192;
const PLAN: LoadPlan = {
  ...{ jobs: 280, steps: 12, arrivals: 4 },
  ...{ pollEveryMs: 4_000, readEvery: 8, cancelEvery: 12 },
};
const STEPS = stepRange(PLAN.steps);
const QUICK: LoadPlan = { ...PLAN, jobs: 24, steps: 3, arrivals: 24, pollEveryMs: 500 };
/** Seconds before each further attempt at a webhook: the specification's third comes after five minutes. */
const RETRIES = Array(15).fill('1').join(',');

export const load: Measurement = {
  name: 'load',
  title: 'Hundreds of jobs, and everybody looks',
  method: `${PLAN.jobs} one-image jobs of mnist-32, of one account, with ${STEPS.fewest} to ${STEPS.most} steps each: ${PLAN.arrivals} new ones a second,
through the API of a local workerd whose server computes nothing and answers a step after ${STEP_MS / 1000} s. At most ${RUNNING}
walk at a time, the others wait in the account's queue. All are polled every ${PLAN.pollEveryMs / 1000} s or so, some
have readers of their events, half of whom read nothing before all is over, and some are canceled. A webhook of the account and one of each job meet a receiver that fails three times in ten; the
schedule of attempts is one second each. The measurement fails if a job is lost or failed, a reader does not come to the
end, or a webhook does not arrive, says what is not so, or does not verify by the library of Standard Webhooks. The floor
is a GET that the Worker answers with {} before it looks at anything, polled beside the others.`,
  async run({ quick, onProgress, onNote }) {
    await using backend = await startChild('instant-backend.ts');
    await using receiver = await startChild('webhook-receiver.ts');
    await using worker = await startLocalWorker({
      INFERENCE_BACKEND: 'remote',
      INFERENCE_URL: `${backend.ready as string}/after/${quick ? 50 : STEP_MS}`,
      QUOTA_RUNNING_JOBS: String(RUNNING),
      WEBHOOK_RETRY_SECONDS: RETRIES,
    });
    const { url, apiKey } = worker;
    const plan = quick ? QUICK : PLAN;
    onProgress(`${plan.jobs} jobs`);
    const result = await runLoad({ url, apiKey, receiver, floorPath: '/bench/nothing' }, plan);
    for (const note of notesOf(result)) onNote(note);
    if (result.problems.length > 0) throw new Error(result.problems.join('\n'));
    return [
      rowOf(result, 'sample', 0.5),
      { ...rowOf(result, 'sample', 0.99), aim: { on: 'ours', atMost: 50 } },
      rowOf(result, 'list', 0.5),
      { ...rowOf(result, 'list', 0.99), aim: { on: 'ours', atMost: 50 } },
    ];
  },
};

const PATHS: Readonly<Record<GetKind, string>> = {
  sample: '/v1/samples/{id}',
  list: '/v1/samples',
  floor: '{}',
};

/** @param p 0 to 1 */
function rowOf({ gets }: LoadResult, kind: GetKind, p: number): Row {
  return {
    ...{ name: `GET ${PATHS[kind]}, p${100 * p}`, unit: 'ms', floorIs: `GET of ${PATHS.floor}, p${100 * p}` },
    ...compare([quantile(gets[kind], p)], [quantile(gets.floor, p)]),
  };
}

function notesOf({ gets, jobsMs, mostAtOnce, webhooksMs, ends, readers, webhooks }: LoadResult): string[] {
  const jobs = Object.values(ends).reduce((sum, count) => sum + count, 0);
  const seconds = (ms: number) => (ms / 1000).toFixed(1);
  const counts = Object.entries(ends).map(([status, count]) => `${count} ${status}`);
  return [
    `${jobs} jobs ended (${counts.join(', ')}) in ${seconds(jobsMs)} s: ${(jobs / (jobsMs / 1000)).toFixed(2)} a second, at most ${mostAtOnce} under way at once.`,
    `${gets.sample.length} polls of samples, ${gets.list.length} of the list, ${gets.floor.length} of the floor.`,
    `${readers.reading} readers of events read on, ${readers.stalled} stalled until the end.`,
    `${webhooks.expected} webhooks arrived and verified, with ${webhooks.attempts} attempts of which ${webhooks.spoiled} were spoiled, the last ${seconds(webhooksMs)} s after the last job.`,
  ];
}
