/** The product's Worker with routes of the benchmark beside its own: what is measured is what is deployed. */
import type { Env, WebhookMessage } from '../../env.ts';
import worker from '../../functions/index.ts';
import { newId } from '../../ids.ts';
import { runBare } from './bare-engine.ts';
import { fetchBare } from './bare-fetch.ts';
import type { MeasuredBatch } from './measured-batch.ts';
import type { MeasuredJob } from './measured-job.ts';
import type { BareInput, CommitInput, FetchInput, RunInput, WalkInput } from './operations.ts';

export { AccountQueue } from '../../durable/account-queue.ts';
export { MeasuredBatch as SampleBatch } from './measured-batch.ts';
export { MeasuredJob as SampleJob } from './measured-job.ts';

const PREFIX = '/bench/';

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (!pathname.startsWith(PREFIX)) return worker.fetch(request, env, ctx);
    if (request.method === 'GET') return Response.json({}); // the least that this Worker can do
    return Response.json(await operate(pathname.slice(PREFIX.length), await request.json(), env));
  },
  queue: worker.queue,
} satisfies ExportedHandler<Env, WebhookMessage>;

function operate(operation: string, input: unknown, env: Env): Promise<unknown> {
  const batches = env.BATCHES as unknown as DurableObjectNamespace<MeasuredBatch>;
  const batch = (name: string) => batches.get(batches.idFromName(name));
  switch (operation) {
    case 'timeline':
      return batch(`${(input as { job: string }).job}/0`).timeline();
    case 'bare':
      return runBare(input as BareInput);
    case 'fetch':
      return fetchBare(input as FetchInput);
    case 'commits':
      return batch(`bench/commits/${crypto.randomUUID()}`).commits(input as CommitInput);
    case 'run': {
      const jobs = env.JOBS as unknown as DurableObjectNamespace<MeasuredJob>;
      const id = newId('smp');
      return jobs.get(jobs.idFromName(id)).run(id, input as RunInput);
    }
    case 'walk':
      return batch(`bench/walk/${crypto.randomUUID()}`).walk(input as WalkInput);
    default:
      throw new Error(`the benchmark's Worker has no operation "${operation}"`);
  }
}
