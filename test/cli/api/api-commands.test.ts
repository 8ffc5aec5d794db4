/** Commands that speak to the API, against a stand-in for it. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { run } from '../../../src/cli/program.ts';
import { problem, type StandIn, startStandIn } from '../../client/stand-in.ts';

let api: StandIn;
let out: string;
let err: string;
let folder: string;
beforeEach(async () => {
  api = await startStandIn();
  folder = await mkdtemp(join(tmpdir(), 'cairn-cli-test-'));
  out = '';
  err = '';
  vi.stubEnv('CAIRN_API_URL', api.url);
  vi.stubEnv('CAIRN_API_KEY', 'cairn_key');
  vi.spyOn(console, 'log').mockImplementation((text) => {
    out += `${text}\n`;
  });
  vi.spyOn(console, 'error').mockImplementation((text) => {
    err += `${text}\n`;
  });
  for (const stream of [process.stdout, process.stderr]) {
    vi.spyOn(stream, 'write').mockImplementation((text) => {
      if (stream === process.stdout) out += text;
      else err += text;
      return true;
    });
  }
});
afterEach(async () => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
  api.close();
  await rm(folder, { recursive: true, force: true });
});

const lines = () => api.asked.map(({ line }) => line);

function sample(status: string) {
  const url = (name: string) => `${api.url}/v1/samples/smp_1/${name}`;
  return {
    id: 'smp_1',
    status,
    created_at: '2026-11-22T12:00:00Z',
    finished_at: null,
    progress: { step: 8, steps: 8, fraction: 1, steps_per_second: 4, seconds_left: 0 },
    retry: null,
    error: status === 'failed' ? { code: 'step-deadline', message: 'the backend was away' } : null,
    images: [{ index: 0, class: 3, class_name: '3', seed: 7, url: url('images/0.png') }],
    grid: url('grid.png'),
    outputs: { grid: url('grid.png'), npz: url('samples.npz'), latents: null },
    request: { model: 'mnist-32', sampler: 'ddpm', guidance_scale: 4, seed: 7 },
  };
}

describe('cairn sample', () => {
  test('creates what its flags say, waits, and writes the outputs', async () => {
    api.answer({ status: 202, body: sample('queued') }, { body: sample('succeeded') });
    api.answer({ body: 'grid' }, { body: 'npz' }, { body: 'image' });
    const args = ['--class', '3', '--steps', '8', '--scale', '2.5', '--seed', '7', '--metadata', 'order=A=1'];
    expect(await run(['sample', ...args, '--keep-trajectory', '4', '--out', folder])).toBe(0);
    expect(JSON.parse(lines()[0]!.replace('POST /v1/samples ', ''))).toEqual({
      model: 'mnist-32',
      classes: [3],
      guidance_scale: 2.5,
      steps: 8,
      seed: 7,
      metadata: { order: 'A=1' },
      keep_trajectory: { every: 4, what: 'both' },
    });
    expect(api.asked[0]!.headers.authorization).toBe('Bearer cairn_key');
    expect((await readdir(folder)).sort()).toEqual(['grid.png', 'image-0-class-3.png', 'samples.npz']);
    expect(await readFile(join(folder, 'samples.npz'), 'utf8')).toBe('npz');
    expect(out).toContain('smp_1  succeeded');
  });

  test('takes a schedule as JSON, and a body from a file', async () => {
    api.answer({ status: 202, body: sample('queued') }, { body: sample('queued') });
    const body = join(folder, 'body.json');
    await writeFile(body, '{"model":"m","seed":1,"count":2}');
    const scale = '{"type":"linear","from":0,"to":4}';
    expect(await run(['sample', '--body', body, '--seed', '9', '--scale', scale, '--detach'])).toBe(0);
    expect(JSON.parse(lines()[0]!.replace('POST /v1/samples ', ''))).toEqual({
      model: 'm',
      seed: 9,
      count: 2,
      guidance_scale: JSON.parse(scale),
    });
    expect(out).toContain('cairn watch smp_1');
  });

  test('a field that the API refuses is named by its flag, exit code 2', async () => {
    const refused = problem('class-out-of-range', 422);
    Object.assign(refused.body as object, { errors: [{ pointer: '/classes/0', detail: '99 is no class' }] });
    api.answer(refused);
    expect(await run(['sample', '--class', '99'])).toBe(2);
    expect(err).toBe('cairn: --class: 99 is no class\n');
  });

  test('a sample that fails is exit code 1, with the reason', async () => {
    api.answer({ status: 202, body: sample('queued') }, { body: sample('failed') });
    expect(await run(['sample', '--class', '3', '--json'])).toBe(1);
    expect(JSON.parse(out)).toMatchObject({ id: 'smp_1', status: 'failed' });
    expect(err).toBe('cairn: smp_1 failed: the backend was away\n');
  });
});

test('--json is one document on stdout and nothing beside it', async () => {
  api.answer({ body: sample('succeeded') });
  expect(await run(['watch', 'smp_1', '--json'])).toBe(0);
  expect(JSON.parse(out)).toEqual(sample('succeeded'));
  expect(err).toBe('');
});

test.each([
  ['cancel', 'POST /v1/samples/smp_1/cancel'],
  ['pause', 'POST /v1/samples/smp_1/pause'],
  ['resume', 'POST /v1/samples/smp_1/resume'],
  ['get', 'GET /v1/samples/smp_1'],
])('cairn %s asks for %s', async (name, line) => {
  api.answer({ body: sample('paused') });
  expect(await run([name, 'smp_1'])).toBe(0);
  expect(lines()).toEqual([line]);
  expect(out).toContain('smp_1  paused');
});

test('cairn list reads as many pages as its limit needs', async () => {
  const entry = (id: string) => ({ id, status: 'running', model: 'm', count: 1, steps: 8, created_at: 't' });
  api.answer({ body: { data: [entry('smp_2')], next_cursor: 'c' } });
  api.answer({ body: { data: [entry('smp_1'), entry('smp_0')], next_cursor: 'd' } });
  expect(await run(['list', '--limit', '2', '--status', 'running', '--json'])).toBe(0);
  expect(JSON.parse(out).data.map(({ id }: { id: string }) => id)).toEqual(['smp_2', 'smp_1']);
  expect(lines()[0]).toBe('GET /v1/samples?status=running&limit=2');
});

test('cairn download --animation writes the animation alone, of all images or of one', async () => {
  const download = ['download', 'smp_1', '--out', folder];
  api.answer({ body: 'all' }, { body: 'one' });
  expect(await run([...download, '--animation', '--json'])).toBe(0);
  expect(JSON.parse(out)).toEqual({ files: [join(folder, 'animation.png')] });
  expect(await run([...download, '--animation', '2'])).toBe(0);
  expect(lines()).toEqual([
    'GET /v1/samples/smp_1/animation.png',
    'GET /v1/samples/smp_1/animation.png?image=2',
  ]);
  expect(await readFile(join(folder, 'animation-2.png'), 'utf8')).toBe('one');
  expect(await run([...download, '--animation', 'x'])).toBe(2);
  expect(await run([...download, '--animation', '--only', 'npz'])).toBe(2);
});

test('cairn download writes what is asked for, and names what there is', async () => {
  api.answer({ body: sample('succeeded') }, { body: 'npz' });
  expect(await run(['download', 'smp_1', '--out', folder, '--only', 'npz', '--json'])).toBe(0);
  expect(JSON.parse(out)).toEqual({ files: [join(folder, 'samples.npz')] });

  api.answer({ body: sample('succeeded') });
  expect(await run(['download', 'smp_1', '--only', 'jpeg'])).toBe(2);
  expect(err).toContain('cairn: --only: there is no output "jpeg"; there are images, grid, npz, latents');
});

test('cairn delete asks for it', async () => {
  api.answer({ status: 204, body: '' });
  expect(await run(['delete', 'smp_1', '--json'])).toBe(0);
  expect(JSON.parse(out)).toEqual({ id: 'smp_1', deleted: true });
  expect(lines()).toEqual(['DELETE /v1/samples/smp_1']);
});

test('cairn fork and cairn replay make new samples from old ones', async () => {
  api.answer({ status: 202, body: sample('queued') }, { body: sample('queued') });
  expect(await run(['fork', 'smp_0', '--step', '4', '--class', '8', '--detach'])).toBe(0);
  api.answer({ status: 202, body: sample('queued') }, { body: sample('succeeded') });
  expect(await run(['replay', 'smp_0', '--json'])).toBe(0);
  expect(lines()).toEqual([
    'POST /v1/samples/smp_0/fork {"classes":[8],"step":4}',
    'GET /v1/samples/smp_1',
    'POST /v1/samples/smp_0/replay',
    'GET /v1/samples/smp_1',
  ]);
});

test('cairn replay says whether it is equal, and ends with 1 if it is not', async () => {
  const ended = (equal: boolean, differing: number[]) => {
    const replay = { of: 'smp_0', equal, images: 2, differing, notes: ['other backends'] };
    return { ...sample('succeeded'), replay, forked_from: null };
  };
  api.answer({ status: 202, body: sample('queued') }, { body: ended(true, []) });
  api.answer({ status: 202, body: sample('queued') }, { body: ended(false, [1]) });
  expect(await run(['replay', 'smp_0'])).toBe(0);
  expect(out).toMatch(/replay of smp_0, equal: 2 of 2 final tensors .*\n +other backends/);
  expect(await run(['replay', 'smp_0'])).toBe(1);
  expect(out).toContain('not equal: images 1 differ');
  expect(err).toContain('smp_1 is not equal to smp_0: images 1 differ');
});

describe('cairn webhooks', () => {
  const endpoint = {
    id: 'whe_1',
    url: 'https://x.test/',
    events: ['sample.failed'],
    description: 'orders',
    disabled: null,
    failing_since: null,
    previous_secret_until: null,
  };
  const gone = { at: '2026-11-22T12:00:00Z', reason: 'gone', detail: 'it answered 410 Gone' };

  test('create and rotate show the secret, and until when the old one signs', async () => {
    const soon = new Date(Date.now() + 60_000).toISOString();
    api.answer({ status: 201, body: { ...endpoint, secret: 'whsec_new' } });
    api.answer({ body: { ...endpoint, secret: 'whsec_newer', previous_secret_until: soon } });
    expect(await run(['webhooks', 'create', endpoint.url, '--events', 'sample.failed'])).toBe(0);
    expect(out).toContain('whsec_new\n');
    expect(await run(['webhooks', 'rotate', 'whe_1', '--grace', '60'])).toBe(0);
    expect(out).toContain(`the old one until ${soon}`);
    expect(out).toContain('whsec_newer\n');
    expect(lines()).toEqual([
      'POST /v1/webhook-endpoints {"url":"https://x.test/","events":["sample.failed"]}',
      'POST /v1/webhook-endpoints/whe_1/rotate-secret {"grace_seconds":60}',
    ]);
  });

  test('list, update, disable, enable and delete ask for what they say, and show the state', async () => {
    api.answer({ body: { data: [] } }, { body: { data: [{ ...endpoint, disabled: gone }] } });
    expect(await run(['webhooks', 'list'])).toBe(0);
    expect(await run(['webhooks', 'list'])).toBe(0);
    expect(out).toMatch(/^No endpoint.\nENDPOINT .*\nwhe_1 +disabled \(gone\) +https:/);
    api.answer({ body: endpoint }, { body: { ...endpoint, disabled: gone } }, { body: endpoint });
    expect(await run(['webhooks', 'update', 'whe_1', '--description', 'orders'])).toBe(0);
    expect(await run(['webhooks', 'disable', 'whe_1'])).toBe(0);
    expect(await run(['webhooks', 'enable', 'whe_1'])).toBe(0);
    expect(out).toContain('it answered 410 Gone');
    api.answer({ status: 204, body: '' });
    expect(await run(['webhooks', 'delete', 'whe_1'])).toBe(0);
    expect(lines().slice(2)).toEqual([
      'PATCH /v1/webhook-endpoints/whe_1 {"description":"orders"}',
      'PATCH /v1/webhook-endpoints/whe_1 {"enabled":false}',
      'PATCH /v1/webhook-endpoints/whe_1 {"enabled":true}',
      'DELETE /v1/webhook-endpoints/whe_1',
    ]);
    expect(await run(['webhooks', 'update', 'whe_1'])).toBe(2);
  });

  test('deliveries lists dead letters, and delivery shows every attempt of one', async () => {
    const delivery = {
      id: 'whd_1',
      message_id: 'msg_1',
      event: 'sample.failed',
      sample: 'smp_1',
      endpoint: 'whe_1',
      url: 'https://x.test/',
      status: 'dead',
      created_at: 't',
      attempts: 2,
      next_attempt_at: null,
      last_result: 'status 500',
    };
    const attempt = { at: 't1', duration_ms: 12, status_code: 500, result: 'status 500' };
    api.answer({ body: { data: [delivery], next_cursor: null } });
    api.answer({ body: { ...delivery, log: [attempt, { ...attempt, at: 't2' }], body: '{"type":1}' } });
    expect(await run(['webhooks', 'deliveries', '--status', 'dead', '--event', 'sample.failed'])).toBe(0);
    expect(out).toMatch(/whd_1 +t +sample.failed +dead +2 +status 500 +https:/);
    expect(await run(['webhooks', 'delivery', 'whd_1'])).toBe(0);
    expect(out).toMatch(/t1 +12 ms +status 500\n +t2 +12 ms +status 500/);
    expect(out).toContain('{"type":1}');
    expect(lines()).toEqual([
      'GET /v1/webhook-deliveries?status=dead&event=sample.failed&limit=20',
      'GET /v1/webhook-deliveries/whd_1',
    ]);
  });

  test('redeliver takes either one delivery or a time range', async () => {
    api.answer({ status: 202, body: { id: 'whd_1', status: 'pending' } });
    api.answer({ status: 202, body: { redelivered: 3, more: false } });
    const since = ['--since', '2026-11-22T00:00:00Z'];
    expect(await run(['webhooks', 'redeliver', 'whd_1'])).toBe(0);
    expect(await run(['webhooks', 'redeliver', ...since])).toBe(0);
    expect(await run(['webhooks', 'redeliver'])).toBe(2);
    expect(await run(['webhooks', 'redeliver', 'whd_1', ...since])).toBe(2);
    expect(lines()).toEqual([
      'POST /v1/webhook-deliveries/whd_1/redeliver',
      'POST /v1/webhook-deliveries/redeliver {"since":"2026-11-22T00:00:00Z"}',
    ]);
  });

  test('test is exit code 1 when nothing arrives', async () => {
    api.answer({ body: { message_id: 'msg_1', result: 'no_answer', delivered: false } });
    expect(await run(['webhooks', 'test', 'whe_1'])).toBe(1);
    expect(err).toContain('did not take the test event: no_answer');
  });
});

describe('cairn keys', () => {
  const key = { id: 'key_1', name: 'x', hint: 'wxyz', scopes: ['samples:read'] };
  const times = { expires_at: null, revoked_at: null, last_used_at: null, previous_until: null };

  test('create shows the key', async () => {
    api.answer({ status: 201, body: { ...key, ...times, key: 'cairn_new' } });
    expect(await run(['keys', 'create', 'x', '--scope', 'samples:read'])).toBe(0);
    expect(lines()).toEqual(['POST /v1/keys {"name":"x","scopes":["samples:read"]}']);
    expect(out).toContain('cairn_new');
  });

  test('rotate says until when the old one works', async () => {
    const [past, soon] = [-1, 60_000].map((ms) => new Date(Date.now() + ms).toISOString());
    api.answer({ body: { ...key, ...times, key: 'cairn_new', previous_until: soon } });
    api.answer({ body: { ...key, ...times, key: 'cairn_newer', previous_until: past } });
    expect(await run(['keys', 'rotate', 'key_1'])).toBe(0);
    expect(out).toContain(`The key before it works until ${soon}.`);
    expect(await run(['keys', 'rotate', 'key_1', '--grace', '0'])).toBe(0);
    expect(out).toContain('The key before it no longer works.');
    expect(lines()).toEqual([
      'POST /v1/keys/key_1/rotate {}',
      'POST /v1/keys/key_1/rotate {"grace_seconds":0}',
    ]);
  });

  test('list tells what is revoked or has expired, and when each was used', async () => {
    const keys = [
      { ...key, ...times, last_used_at: '2026-11-22T12:00:00Z' },
      { ...key, ...times, expires_at: '2020-01-01T00:00:00Z' },
      { ...key, ...times, revoked_at: '2026-11-22T12:00:00Z' },
    ];
    api.answer({ body: { keys } });
    expect(await run(['keys', 'list'])).toBe(0);
    expect(out).toMatch(/active +2026-11-22T12:00:00Z .*\n.*expired +never .*\n.*revoked +never /);
  });
});

test('cairn accounts opens accounts and sets their quotas', async () => {
  const account = { id: 'acc_1', name: 'Ada', created_at: 't' };
  const day = { limit: 7, used: 3, resets_at: 'midnight' };
  const quotas = { active_jobs: { limit: 5, used: 1 }, running_jobs: { limit: 2 }, images_per_day: day };
  api.answer(
    { status: 201, body: account },
    { body: { accounts: [account] } },
    { body: { ...account, quotas } },
  );
  expect(await run(['accounts', 'create', 'Ada'])).toBe(0);
  expect(await run(['accounts', 'list'])).toBe(0);
  const limits = ['--images-per-day', '7', '--active-jobs', 'default'];
  expect(await run(['accounts', 'quotas', 'acc_1', ...limits])).toBe(0);
  expect(out).toContain('cairn keys create NAME --account acc_1');
  expect(out).toMatch(/images_per_day +7 +3 +midnight/);
  expect(lines()).toEqual([
    'POST /v1/accounts {"name":"Ada"}',
    'GET /v1/accounts',
    'PATCH /v1/accounts/acc_1 {"quotas":{"active_jobs":null,"images_per_day":7}}',
  ]);
  expect(await run(['accounts', 'quotas', 'acc_1', '--active-jobs', 'many'])).toBe(2);
});

test('what the API refuses of a filter is named by its flag', async () => {
  const refused = problem('invalid-request', 422);
  Object.assign(refused.body as object, {
    errors: [{ pointer: '?created_after', detail: 'expected a time' }],
  });
  api.answer(refused);
  expect(await run(['list', '--after', 'noon'])).toBe(2);
  expect(err).toBe('cairn: --after: expected a time\n');
});

describe('what goes wrong is one line, and exit code 1', () => {
  test('without a valid key', async () => {
    api.answer(problem('unauthorized', 401));
    expect(await run(['get', 'smp_1'])).toBe(1);
    expect(err).toBe('cairn: it is unauthorized; give a key with --key or CAIRN_API_KEY\n');
  });

  test('where nothing answers', { timeout: 30_000 }, async () => {
    api.close();
    expect(await run(['get', 'smp_1'])).toBe(1);
    expect(err).toBe(
      `cairn: nothing answers at ${api.url}; start Cairn with \`npm start\`, or name another with --api\n`,
    );
  });

  test('but an --api that is no URL is exit code 2', async () => {
    expect(await run(['get', 'smp_1', '--api', 'example'])).toBe(2);
    expect(err).toContain('--api: "example" is no URL');
  });
});

describe('completion', () => {
  test.each(['bash', 'zsh', 'fish'])('for %s is a script that asks cairn', async (shell) => {
    expect(await run(['completion', shell])).toBe(0);
    expect(out).toContain('cairn complete --');
  });

  test('knows commands, commands below them, flags and their values', async () => {
    await run(['complete', '--', 'down']);
    await run(['complete', '--', 'keys', 'ro']);
    await run(['complete', '--', 'sample', '--keep-t']);
    await run(['complete', '--', 'sample', '--sampler', '']);
    for (const word of ['download', 'rotate', '--keep-trajectory', 'ddim']) expect(out).toContain(word);
  });
});
