/** One job of a load, from its request to its end. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type CairnClient, isFinished, type SampleRequest, type SampleResponse } from '../../client/index.ts';
import { MODEL } from '../sample-spec.ts';
import { type EventReader, openEventReader } from './event-reader.ts';
import type { GetKind, LoadPlan } from './load.ts';
import type { TimedClient } from './timed-get.ts';

/** What the jobs of a load share. */
export interface LoadParts {
  readonly plan: LoadPlan;
  readonly client: CairnClient;
  /** With the key. */
  readonly gets: TimedClient;
  readonly webhook: NonNullable<SampleRequest['webhook']>;
  readonly readers: { reading: EventReader[]; stalled: EventReader[] };
  note(kind: GetKind, ms: number): void;
}

/** One poll in so many asks for the account's list instead. */
const LIST_EVERY = 10;
/** A job that has not ended by then is lost. */
const LONGEST_MS = 300_000;

/** Asks for a job and, if its number says so, cancels it or opens a reader of its events. */
export async function beginJob(
  index: number,
  { plan, client, gets, webhook, readers }: LoadParts,
): Promise<string> {
  const { id, urls } = await client.createSample({
    ...{ model: MODEL, class: index % 10, seed: index, steps: stepsOf(index, plan), webhook },
  });
  if (index % plan.readEvery === 0) {
    readers.reading.push(await openEventReader(urls.events, gets.headers, false));
  } else if (index % plan.readEvery === 1) {
    readers.stalled.push(await openEventReader(urls.events, gets.headers, true));
  }
  if (index % plan.cancelEvery === plan.cancelEvery - 1) await client.cancelSample(id);
  return id;
}

/** From half of the plan's steps to half as many again, in an order that looks like none. */
function stepsOf(index: number, { steps }: LoadPlan): number {
  const { fewest, most } = stepRange(steps);
  return fewest + ((index * 7) % (most - fewest + 1));
}

export function stepRange(steps: number): { readonly fewest: number; readonly most: number } {
  const fewest = Math.ceil(steps / 2);
  return { fewest, most: 2 * steps - fewest };
}

/** Looks at a job until it is over. @throws {Error} if it does not end, or cannot be looked at */
export async function pollJob(
  index: number,
  id: string,
  { plan, gets, note }: LoadParts,
): Promise<SampleResponse> {
  const deadline = performance.now() + LONGEST_MS;
  for (let polls = 0; performance.now() < deadline; polls++) {
    await sleep(plan.pollEveryMs * (polls === 0 ? Math.random() : 0.8 + 0.4 * Math.random()));
    if ((index + polls) % LIST_EVERY === 0) {
      note('list', (await gets.get('/v1/samples')).ms);
      continue;
    }
    const { ms, body } = await gets.get(`/v1/samples/${id}`);
    note('sample', ms);
    const sample = JSON.parse(body) as SampleResponse;
    if (isFinished(sample)) return sample;
  }
  throw new Error(`${id} has not ended after ${LONGEST_MS / 1000} s`);
}
