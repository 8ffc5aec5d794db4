/** The client against the API's description: a method for every operation. */
import { expect, test } from 'vitest';
import { CairnClient } from '../../src/client/index.ts';

/** Downloads are one method: by the URL that an answer names. */
const BY_URL = /^getSample(Image|Grid|Npz|Latents)$|^getTrajectoryImage$/;

test('has a method for every operation, and calls nothing that is not one', async () => {
  const called = new Set<string>();
  const client = new CairnClient('https://cairn.test', {
    fetch: async (url, { method }) => {
      called.add(`${method!.toLowerCase()} ${new URL(url).pathname}`);
      if (url.endsWith('/events')) return new Response(null, { status: 204 });
      return Response.json({ data: [], next_cursor: null, keys: [], accounts: [], models: [] });
    },
  });
  const drain = async (entries: AsyncIterable<unknown>) => {
    for await (const _ of entries);
  };
  const { keys, accounts, webhooks } = client;
  const request = { model: 'm' };
  await Promise.all([
    client.createSample(request),
    client.forkSample('ID', { step: 1 }),
    client.replaySample('ID'),
    client.createInversion({ ...request, image: '' }),
    client.createInterpolation({ ...request, from: 1, to: 2, count: 2 }),
    client.readSample('ID'),
    client.cancelSample('ID'),
    client.pauseSample('ID'),
    client.resumeSample('ID'),
    client.patchSample('ID', { class: 1 }),
    client.extendRetention('ID', 60),
    client.deleteSample('ID'),
    drain(client.samples()),
    drain(client.images('ID')),
    client.readTrajectory('ID'),
    client
      .watch('ID')
      .next()
      .catch(() => {}),
    client.downloadAnimation('ID', { image: 1, what: 'x_t' }),
    client.listModels(),
    client.readModel('ID'),
    client.health(),
    keys.create({ name: 'n' }),
    keys.list(),
    keys.rotate('ID'),
    keys.revoke('ID'),
    keys.account(),
    accounts.create({ name: 'n' }),
    accounts.list(),
    accounts.update('ID', { quotas: {} }),
    webhooks.create({ url: 'https://example.com' }),
    webhooks.list(),
    webhooks.read('ID'),
    webhooks.update('ID', {}),
    webhooks.delete('ID'),
    webhooks.rotateSecret('ID'),
    webhooks.test('ID'),
    drain(webhooks.deliveries()),
    webhooks.readDelivery('ID'),
    webhooks.redeliver('ID'),
    webhooks.redeliverAll({ since: '2026-11-22T00:00:00Z', status: 'dead' }),
  ]);
  const described = (await operations())
    .filter(({ operationId }) => !BY_URL.test(operationId))
    .map(({ method, path }) => `${method} ${path.replaceAll(/\{\w+\}/g, 'ID')}`);
  expect([...called].sort()).toEqual(described.sort());
});

async function operations(): Promise<{ method: string; path: string; operationId: string }[]> {
  // By names that the type check does not follow: the Worker's files have types of their own.
  const at = (path: string) => new URL(`../../src/functions/${path}`, import.meta.url).href;
  const [{ app }, { describeApi }] = await Promise.all([
    import(at('app.ts')),
    import(at('openapi/document.ts')),
  ]);
  const { paths } = describeApi(app, 'https://cairn.test') as {
    paths: Record<string, Record<string, { operationId: string }>>;
  };
  return Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, { operationId }]) => ({ method, path, operationId })),
  );
}
