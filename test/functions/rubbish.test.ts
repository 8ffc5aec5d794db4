/** Thousands of malformed and hostile requests at every route, by a seed: the same ones at every run. */
import fc from 'fast-check';
import { beforeAll, expect, inject, test } from 'vitest';
import { ADMIN_TOKEN, callBare, hookUrl } from '../support/api.ts';
import { answerTo, described, faultOf } from './rubbish/answers.ts';
import { type Belongings, newIdleAccount, newParty, stateOf, strangerIds } from './rubbish/parties.ts';
import { type Names, rubbishOf } from './rubbish/requests.ts';
import { type Api, nameOf, type Route, readApi } from './rubbish/routes.ts';
import { valuesOf } from './rubbish/schema-values.ts';

const { runs, seed, seconds } = inject('rubbish');

let api: Api;
let caller: Belongings;
let victim: Belongings;
let names: Names;
beforeAll(async () => {
  api = await readApi();
  [caller, victim] = [await newParty('caller', 200), await newParty('victim')];
  const own = Object.values(caller.ids);
  const others = [...Object.values(victim.ids), ...Object.values(strangerIds())];
  names = {
    bearer: caller.account.bearer,
    admin: `Bearer ${ADMIN_TOKEN}`,
    own,
    others,
    idle: await newIdleAccount(),
    schemas: api.schemas,
    hints: {
      model: ['mnist-32', 'mnist-32', 'mnist-32', 'none'],
      sample: [caller.ids.sample, caller.ids.sample, victim.ids.sample],
      endpoint: [caller.ids.endpoint, victim.ids.endpoint],
      account: [victim.account.id, caller.account.id],
      steps: [1, 2, '2', 'ddim2', ''],
      // Nothing leaves this machine.
      url: [hookUrl('rubbish')],
    },
  };
});

const name = `${runs} requests of seed ${seed} end in an answer or one clear problem, and tell nothing`;
test(name, { timeout: seconds * 1000 + 240_000 }, async () => {
  const before = await stateOf(victim);
  const theirs = [...Object.values(victim.ids), ...victim.secrets];
  const met = new Map(api.routes.map((route) => [nameOf(route), 0]));
  const property = fc.asyncProperty(rubbishOf(api.routes, names), async (rubbish) => {
    const answer = await answerTo(rubbish);
    const asAdmin = rubbish.headers.some(([, value]) => value === names.admin);
    const fault = faultOf(rubbish, answer, asAdmin ? [] : theirs);
    if (fault !== null)
      throw new Error(`${fault}\n\n${described(rubbish)}\n\n${answer.text.slice(0, 2_000)}`);
    met.set(rubbish.route, met.get(rubbish.route)! + 1);
  });
  await fc.assert(property, {
    numRuns: runs,
    seed,
    interruptAfterTimeLimit: seconds * 1000,
    markInterruptAsFailure: false,
  });
  expect([...met].filter(([, count]) => count === 0)).toEqual([]);
  expect(await stateOf(victim)).toEqual(before);
});

test('what another account has is answered as what never was, by every route and in every field', async () => {
  const strangers = strangerIds();
  let compared = 0;
  for (const kind of ['sample', 'endpoint', 'delivery', 'key'] as const) {
    const ids = [victim.ids[kind], strangers[kind]] as const;
    for (const route of api.routes.filter(({ forAdmins }) => !forAdmins)) {
      for (const [path, body] of requestsAbout(route, caller)) {
        if (!`${path} ${body ?? ''}`.includes('THE-ID')) continue;
        const [theirs, nobodys] = await Promise.all(ids.map((id) => answerAbout(route, path, body, id)));
        expect(theirs, `${nameOf(route)} ${path} ${body}`).toEqual(nobodys);
        compared++;
      }
    }
  }
  expect(compared).toBeGreaterThan(100);
});

/** Paths with their query, and bodies, that have THE-ID where an id may stand. */
function requestsAbout(route: Route, { ids }: Belongings): [string, string | null][] {
  const query = route.parameters
    .filter((parameter) => parameter.in === 'query')
    .map((parameter) => parameter.name);
  const of = (path: string, id: string) =>
    path
      .replace(/\{id\}/, id)
      .replace('{image}', '0.png')
      .replace('{step}', '0')
      .replace('{what}', 'x_t');
  const paths = route.path.includes('{id}')
    ? [of(route.path, 'THE-ID'), of(route.path, ids.sample)]
    : [route.path, ...query.map((field) => `${route.path}?${field}=THE-ID`)];
  if (route.body === null) return paths.map((path) => [path, null]);
  const fields = {
    sample: ['THE-ID'],
    endpoint: ['THE-ID'],
    account: ['THE-ID'],
    model: ['mnist-32'],
    steps: [2],
  };
  const hints = { ...fields, url: [hookUrl('rubbish')] };
  const bodies = fc.sample(valuesOf(route.body, api.schemas, hints), { numRuns: 8, seed });
  return paths.flatMap((path) => bodies.map((body): [string, string] => [path, JSON.stringify(body)]));
}

async function answerAbout(route: Route, path: string, body: string | null, id: string) {
  const response = await callBare(path.replace('THE-ID', id), {
    method: route.method,
    headers: { Authorization: caller.account.bearer, 'Content-Type': 'application/json' },
    ...(body !== null && { body: body.replaceAll('THE-ID', id) }),
  });
  return { status: response.status, text: (await response.text()).replaceAll(id, 'THE-ID') };
}
