/** Two accounts that know of each other's names, and nothing more. */
import { env } from 'cloudflare:workers';
import { newId } from '../../../src/ids.ts';
import { createAccount } from '../../../src/store/accounts.ts';
import { newTestAccount, type TestAccount } from '../../support/accounts.ts';
import { ended } from '../../support/api.ts';
import { newEndpoint, waitForDeliveries } from '../../support/webhooks.ts';

/** Small, with all that a sample may have. */
const JOB = {
  model: 'mnist-32',
  classes: [3, 8],
  steps: 3,
  seed: 7,
  keep_state: true,
  keep_trajectory: { every: 1, what: 'both' },
};

/** What one account has. */
export interface Belongings {
  readonly account: TestAccount;
  /** Names of what it has, by the field or the part of a path that takes one. */
  readonly ids: {
    readonly sample: string;
    readonly endpoint: string;
    readonly delivery: string;
    readonly key: string;
  };
  /** Texts that stand in what it alone may read. */
  readonly secrets: readonly string[];
}

/**
 * An account with a finished sample, an endpoint, a delivery, and a key beside the one it calls with.
 *
 * @param imageSteps it may have beyond these: requests that are no rubbish after all cost time
 */
export async function newParty(name: string, imageSteps = 1_000): Promise<Belongings> {
  const account = await newTestAccount({ activeJobs: 8, runningJobs: 2, imageStepsPerDay: imageSteps });
  const endpoint = await newEndpoint(account, name, { events: ['sample.succeeded'] });
  const note = `note-of-${name}-${crypto.randomUUID()}`;
  const created = await account.create({ ...JOB, metadata: { note } }, { Prefer: 'wait=30' });
  if (!ended(created)) throw new Error(`the sample is still ${created.status}`);
  const [delivery] = await waitForDeliveries(account, '', (found) =>
    found.some(({ status }) => status !== 'pending'),
  );
  const key = await (
    await account.call('/v1/keys', { body: { name: `key of ${name}`, scopes: ['samples:read'] } })
  ).json<{ id: string; key: string }>();
  return {
    account,
    ids: { sample: created.id, endpoint: endpoint.id, delivery: delivery!.id, key: key.id },
    secrets: [note, endpoint.secret, key.key, account.bearer.slice('Bearer '.length), account.id],
  };
}

/** For the operator to be abused on. */
export async function newIdleAccount(): Promise<string> {
  return (await createAccount(env.DB, { name: 'idle', id: newId('acc') }, Date.now())).id;
}

/** Ids of the right form that were never given out. */
export function strangerIds(): Belongings['ids'] {
  return { sample: newId('smp'), endpoint: newId('whe'), delivery: newId('whd'), key: newId('key') };
}

/** Everything that an account sees of itself, but for what time changes. */
export async function stateOf({ account, ids }: Belongings): Promise<unknown> {
  const paths = [
    ...[`/v1/samples/${ids.sample}`, `/v1/samples/${ids.sample}/trajectory`, '/v1/samples', '/v1/account'],
    ...['/v1/keys', '/v1/webhook-endpoints', '/v1/webhook-deliveries'],
  ];
  const answers = await Promise.all(paths.map(async (path) => (await account.call(path)).text()));
  return answers.map((text) =>
    JSON.parse(text.replace(/expires=\d+&signature=[\w-]+/g, ''), (name, value) =>
      name === 'last_used_at' ? null : value,
    ),
  );
}
