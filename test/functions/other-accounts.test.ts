/** What one account has is not there for another: along every way that leads to it, each shown to lead there. */
import { beforeAll, describe, expect, it } from 'vitest';
import { callBare } from '../support/api.ts';
import { type Belongings, newParty, strangerIds } from './rubbish/parties.ts';
import { readApi } from './rubbish/routes.ts';

let owner: Belongings;
let other: Belongings;
beforeAll(async () => {
  [owner, other] = [await newParty('owner'), await newParty('other')];
}, 120_000);

const nobodys = strangerIds();
const as = (party: Belongings, path: string, init: RequestInit = {}) =>
  callBare(path, { ...init, headers: { Authorization: party.account.bearer, ...init.headers } });

async function statusOf(response: Promise<Response>): Promise<number> {
  const { status, body, webSocket } = await response;
  webSocket?.accept();
  webSocket?.close();
  await body?.cancel();
  return status;
}

describe('reading', () => {
  it('opens to the owner and to nobody else, at every path that names something', async () => {
    const kinds = {
      samples: 'sample',
      'webhook-endpoints': 'endpoint',
      'webhook-deliveries': 'delivery',
    } as const;
    const { routes } = await readApi();
    const reads = routes.filter(
      ({ method, path, forAdmins }) => method === 'GET' && path.includes('{id}') && !forAdmins,
    );
    let opened = 0;
    for (const { path } of reads) {
      const kind = kinds[path.split('/')[2] as keyof typeof kinds];
      if (kind === undefined) continue; // models belong to all
      const of = (id: string) =>
        path.replace('{id}', id).replace('{step}', '1').replace('{what}', 'x_t').replace('{image}', '0.png');
      expect(await statusOf(as(owner, of(owner.ids[kind]))), path).toBe(200);
      expect(await statusOf(as(other, of(owner.ids[kind]))), path).toBe(404);
      opened++;
    }
    expect(opened).toBeGreaterThan(9);
  });

  it('by a socket is as closed as by a stream', async () => {
    const path = `/v1/samples/${owner.ids.sample}/events`;
    const headers = { Upgrade: 'websocket' };
    expect(await statusOf(as(owner, path, { headers }))).toBe(101);
    expect(await statusOf(as(other, path, { headers }))).toBe(404);
    expect(await statusOf(callBare(path, { headers }))).toBe(401);
  });

  it('lists hold only what is one’s own, whatever cursor they are given', async () => {
    for (const list of ['/v1/samples', '/v1/webhook-deliveries', '/v1/webhook-endpoints', '/v1/keys']) {
      const text = await (await as(other, list)).text();
      for (const secret of [...Object.values(owner.ids), ...owner.secrets])
        expect(text).not.toContain(secret);
    }
    await owner.account.create({ model: 'mnist-32', class: 1, steps: 2 });
    const { next_cursor } = await (await as(owner, '/v1/samples?limit=1')).json<{ next_cursor: string }>();
    const theirs = await as(other, `/v1/samples?cursor=${encodeURIComponent(next_cursor)}`);
    expect(await theirs.text()).not.toContain(owner.ids.sample);
  });
});

describe('going on from what is another’s', () => {
  const { model } = { model: 'mnist-32' };
  const ways: readonly [string, string, (id: string) => object][] = [
    ['a fork', '/v1/samples/ID/fork', () => ({ step: 1 })],
    ['a replay', '/v1/samples/ID/replay', () => ({})],
    [
      'a latent to start from',
      '/v1/samples',
      (sample) => ({ model, class: 1, sampler: 'ddim', steps: 2, start_from: { sample } }),
    ],
    [
      'an interpolation',
      '/v1/interpolations',
      (sample) => ({ model, class: 1, steps: 2, count: 2, from: { sample }, to: { sample } }),
    ],
  ];

  it.each(ways)(
    '%s works for the owner, and for another is as of a sample that never was',
    async (_, path, bodyOf) => {
      const send = async (party: Belongings, id: string) => {
        const response = await as(party, path.replace('ID', id), {
          method: 'POST',
          headers: { 'Content-Type': 'application/json' },
          body: JSON.stringify(bodyOf(id)),
        });
        return { status: response.status, text: (await response.text()).replaceAll(id, 'ID') };
      };
      expect((await send(owner, owner.ids.sample)).status).toBe(202);
      const theirs = await send(other, owner.ids.sample);
      expect(theirs).toEqual(await send(other, nobodys.sample));
      expect(theirs.status).toBeGreaterThanOrEqual(400);
      expect(theirs.status).toBeLessThan(500);
    },
  );

  it('an Idempotency-Key of theirs makes a sample of one’s own', async () => {
    const body = { model, class: 1, steps: 2 };
    const made = await Promise.all(
      [owner, other].map((party) => party.account.create(body, { 'Idempotency-Key': 'the-same' })),
    );
    expect(made[0]!.id).not.toBe(made[1]!.id);
  });
});

describe('a signed link', () => {
  it('opens its own path alone: its signature opens nothing of another, and nothing of the same sample', async () => {
    const read = async ({ account, ids }: Belongings) =>
      (await account.call(`/v1/samples/${ids.sample}`)).json<{
        outputs: Record<string, string | null>;
        urls: { events: string };
        images: { url: string }[];
      }>();
    const [theirs, mine] = [await read(owner), await read(other)];
    const linksOf = ({ outputs, urls, images }: typeof mine) =>
      [...Object.values(outputs), urls.events, images[0]!.url].map((url) => new URL(url!));
    for (const from of linksOf(mine)) {
      for (const to of [...linksOf(theirs), ...linksOf(mine)]) {
        const same = from.pathname === to.pathname;
        const status = await statusOf(callBare(to.pathname + from.search));
        expect(status, `${from.pathname} at ${to.pathname}`).toBe(same ? 200 : 403);
      }
    }
  });
});
