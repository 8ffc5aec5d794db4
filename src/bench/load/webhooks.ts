/** What the webhooks of a load must come to. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { CairnClient, SampleRequest, SampleResponse } from '../../client/index.ts';
import type { Child } from '../processes/child.ts';
import type { ReceiverQuestion, ReceiverReport } from '../processes/webhook-receiver.ts';
import type { WebhookTally } from './load.ts';

export interface LoadWebhooks {
  /** For a job's request. */
  readonly ofJob: NonNullable<SampleRequest['webhook']>;
  /** Waits until all of them have arrived. @returns what is wrong with them, a line each */
  settle(
    samples: readonly SampleResponse[],
  ): Promise<{ readonly problems: string[]; readonly tally: WebhookTally }>;
  close(): Promise<void>;
}

/** Signs what goes to the URL of a job. */
const OWN_SECRET = 'whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD';
const LONGEST_MS = 180_000;
const LOOK_EVERY_MS = 200;

/** Makes an endpoint of the account; every job has a URL of its own besides. */
export async function openWebhooks(client: CairnClient, receiver: Child): Promise<LoadWebhooks> {
  const hooks = `${receiver.ready as string}/hooks`;
  const ask = (question: ReceiverQuestion) => receiver.ask(question) as Promise<ReceiverReport>;
  const endpoint = await client.webhooks.create({
    url: `${hooks}/account`,
    events: ['sample.started', 'sample.succeeded', 'sample.failed', 'sample.canceled'],
  });
  await ask({ receiver: 'own', secret: OWN_SECRET });
  const before = await ask({ receiver: 'account', secret: endpoint.secret });
  return {
    ofJob: { url: `${hooks}/own`, secret: OWN_SECRET },
    async settle(samples) {
      const expected = samples.flatMap(expectedOf);
      const missing = (taken: readonly string[]) => {
        const came = new Set(taken);
        return expected.filter((delivery) => !came.has(delivery));
      };
      const now = await until(
        () => ask(null),
        ({ taken }) => missing(taken).length === 0,
      );
      const possible = new Set([...expected, ...samples.map(started)]);
      const wrong = now.taken.slice(before.taken.length).filter((delivery) => !possible.has(delivery));
      return {
        problems: [
          ...missing(now.taken).map((delivery) => `a webhook never arrived: ${delivery}`),
          ...wrong.map((delivery) => `a webhook said what is not so: ${delivery}`),
          ...now.refused.slice(before.refused.length).map((why) => `a webhook did not verify: ${why}`),
          ...(await logProblems(client)),
        ],
        tally: {
          expected: expected.length,
          attempts: now.attempts - before.attempts,
          spoiled: now.spoiled - before.spoiled,
        },
      };
    },
    close: () => client.webhooks.delete(endpoint.id),
  };
}

/** As the receiver writes them. One that is canceled may not have started. */
function expectedOf(sample: SampleResponse): string[] {
  const { id, status } = sample;
  const ends = [`own ${id} sample.${status}`, `account ${id} sample.${status}`];
  return status === 'canceled' ? ends : [started(sample), ...ends];
}

function started({ id }: SampleResponse): string {
  return `account ${id} sample.started`;
}

/** What the receiver has taken the log must know as delivered, once the last answers were written down. */
async function logProblems(client: CairnClient): Promise<string[]> {
  const unsettled = await until(
    () => deliveries(client, 'pending'),
    (pending) => pending.length === 0,
  );
  const dead = await deliveries(client, 'dead');
  return [...unsettled, ...dead].map(
    ({ event, sample, status, last_result }) =>
      `in the log ${event} of ${sample} is ${status}: ${last_result}`,
  );
}

async function deliveries(client: CairnClient, status: 'pending' | 'dead') {
  const found = [];
  for await (const delivery of client.webhooks.deliveries({ status, limit: 100 })) found.push(delivery);
  return found;
}

/** Looks again and again. @returns what was seen last, as wanted or not */
async function until<T>(look: () => Promise<T>, wanted: (seen: T) => boolean): Promise<T> {
  for (const deadline = performance.now() + LONGEST_MS; ; ) {
    const seen = await look();
    if (wanted(seen) || performance.now() > deadline) return seen;
    await sleep(LOOK_EVERY_MS);
  }
}
