import { afterEach, describe, expect, it } from 'vitest';
import {
  bytesOf,
  call,
  createSample,
  ended,
  post,
  problemOf,
  SMALL_JOB,
  spoil,
  waitFor,
} from '../support/api.ts';

afterEach(() => spoil({ fault: null }));

/** Classes are named otherwise. */
const { classes: _, ...UNLABELLED } = SMALL_JOB;

describe('a sample from request to picture', () => {
  it('is accepted with its links and every value it will use', async () => {
    const response = await post('/v1/samples', { model: 'mnist-32', class: '7', steps: 8 });
    expect(response.status).toBe(202);
    const sample = await response.json();
    expect(response.headers.get('Location')).toBe(`/v1/samples/${(sample as { id: string }).id}`);
    expect(sample).toMatchObject({
      status: 'queued',
      progress: { step: 0, steps: 8 },
      request: { model: 'mnist-32', steps: '8', count: 1, classes: [7], keep_state: false },
      images: [{ index: 0, class: 7, class_name: '7', url: null }],
      grid: null,
    });
  });

  it('ends with a PNG for each image and a grid', async () => {
    const { id } = await createSample();
    const sample = await waitFor(id, ended);
    expect(sample).toMatchObject({
      status: 'succeeded',
      progress: { step: 8, fraction: 1, seconds_left: null },
    });
    expect(sample.images.map((image) => [image.class, image.seed])).toEqual([
      [3, 7],
      [1, 8],
      [4, 9],
    ]);
    for (const { url } of sample.images) {
      const png = await bytesOf(new URL(url!).pathname);
      expect([...png.subarray(0, 8)]).toEqual([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10]);
    }
    expect((await bytesOf(new URL(sample.grid!).pathname)).length).toBeGreaterThan(1000);
  });

  it('gives the same bytes for the same request, and others for another seed', async () => {
    const jobs = [SMALL_JOB, SMALL_JOB, { ...SMALL_JOB, seed: 8 }];
    const [first, again, other] = await Promise.all(
      jobs.map(async (job) => {
        const { id } = await createSample(job);
        await waitFor(id, ended);
        return bytesOf(`/v1/samples/${id}/images/0.png`);
      }),
    );
    expect(again).toEqual(first);
    expect(other).not.toEqual(first);
  });

  it('draws image n of seed s as image 0 of seed s + n', async () => {
    const [many, one] = await Promise.all([
      createSample(),
      createSample({ ...SMALL_JOB, classes: [4], seed: 9 }),
    ]);
    await Promise.all([waitFor(many.id, ended), waitFor(one.id, ended)]);
    const npy = async (id: string, n: number) => {
      const bytes = await bytesOf(`/v1/samples/${id}/images/${n}.npy`);
      return new Float32Array(bytes.slice(128).buffer);
    };
    const [a, b] = [await npy(many.id, 2), await npy(one.id, 0)];
    const worst = a.reduce((max, value, i) => Math.max(max, Math.abs(value - b[i]!)), 0);
    expect(worst).toBeLessThan(1e-3); // another batch size, so other float32 sums; the noise is the same
  });

  it('splits a job over batches and counts its progress over all of them', async () => {
    const { id } = await createSample({ ...SMALL_JOB, classes: [0, 1, 2], count: 23, steps: 4 });
    const sample = await waitFor(id, ended);
    expect(sample.status).toBe('succeeded');
    expect(sample.images).toHaveLength(23);
    expect(sample.images.at(-1)).toMatchObject({ index: 22, class: 1, seed: 29 });
  });

  it.each([
    [{ sampler: 'ddim', steps: 8 }, 'ddim8'],
    [{ sampler: 'ddim' }, 'ddim50'],
    [{ sampler: 'ddim', steps: 300 }, '300'], // no stride gives 300 of 1000
    [{ sampler: 'ddim', steps: '8' }, '8'],
    [{ sampler: 'ddpm', steps: 8 }, '8'],
  ])('spaces %o as suits the sampler, and takes a string at its word', async (choice, steps) => {
    const { id, request } = await createSample({ model: 'mnist-32', class: 1, ...choice });
    expect(request.steps).toBe(steps);
    await post(`/v1/samples/${id}/cancel`, {});
  });

  it('links to where it is asked, not to where it was created', async () => {
    const { id } = await createSample({ ...SMALL_JOB, steps: 2 });
    const answer = await call(`/v1/samples/${id}`, {}, 'https://other.test');
    expect(await answer.json()).toMatchObject({ urls: { self: `https://other.test/v1/samples/${id}` } });
    await waitFor(id, ended);
  });

  it('lets its tensors go unless they are to be kept', async () => {
    const { id } = await createSample({ ...SMALL_JOB, keep_state: false, steps: 2 });
    await waitFor(id, ended);
    const response = await call(`/v1/samples/${id}/images/0.npy`);
    expect(response.status).toBe(404);
    expect(await problemOf(response)).toMatchObject({ type: '/problems/not-ready' });
  });
});

describe('a request that is refused', () => {
  const refusals: [title: string, body: unknown, status: number, type: string, pointer: string | null][] = [
    ['an unknown field', { ...SMALL_JOB, guidence_scale: 3 }, 422, 'invalid-request', '/guidence_scale'],
    ['no model', { class: 1 }, 422, 'invalid-request', '/model'],
    ['an unknown model', { model: 'mnist-33', class: 1 }, 404, 'unknown-model', '/model'],
    ['a class out of range', { model: 'mnist-32', class: 10 }, 422, 'class-out-of-range', '/class'],
    [
      'a class out of range in a list',
      { model: 'mnist-32', classes: [1, 'cat'] },
      422,
      'class-out-of-range',
      '/classes/1',
    ],
    ['class and classes', { model: 'mnist-32', class: 1, classes: [1] }, 422, 'invalid-request', '/classes'],
    ['guidance without a class', { model: 'mnist-32' }, 422, 'invalid-request', '/class'],
    ['steps outside the grammar', { ...SMALL_JOB, steps: 'fast' }, 422, 'invalid-steps', '/steps'],
    ['more steps than the process has', { ...SMALL_JOB, steps: '1001' }, 422, 'invalid-steps', '/steps'],
    ['steps that no diffusion can be built of', { ...SMALL_JOB, steps: '1' }, 422, 'invalid-steps', '/steps'],
    ['an impossible DDIM stride', { ...SMALL_JOB, steps: 'ddim300' }, 422, 'invalid-steps', '/steps'],
    ['too many images', { ...SMALL_JOB, count: 50_001 }, 422, 'limit-exceeded', '/count'],
    ['labels beside classes', { ...SMALL_JOB, labels: 'random' }, 422, 'invalid-request', '/labels'],
    [
      'labels of an unknown class',
      { ...UNLABELLED, labels: { 3: 5, 12: 5 } },
      422,
      'class-out-of-range',
      '/labels/12',
    ],
    ['a class with no image', { ...UNLABELLED, labels: { 3: 0 } }, 422, 'invalid-request', '/labels/3'],
    ['labels of no class', { ...UNLABELLED, labels: {} }, 422, 'invalid-request', '/labels'],
    ['another rule of labels', { ...UNLABELLED, labels: 'balanced' }, 422, 'invalid-request', '/labels'],
    [
      'labels of too many images',
      { ...UNLABELLED, labels: { 3: 30_000, 8: 30_000 } },
      422,
      'limit-exceeded',
      '/labels',
    ],
    [
      'a count beside labels that is another',
      { ...UNLABELLED, labels: { 3: 5, 8: 5 }, count: 9 },
      422,
      'invalid-request',
      '/count',
    ],
    ['no image', { ...SMALL_JOB, count: 0 }, 422, 'invalid-request', '/count'],
    ['an unknown sampler', { ...SMALL_JOB, sampler: 'euler' }, 422, 'invalid-request', '/sampler'],
    ['an eta without ddim', { ...SMALL_JOB, sampler: 'ddpm', eta: 0.5 }, 422, 'invalid-request', '/eta'],
    ['an eta over 1', { ...SMALL_JOB, sampler: 'ddim', eta: 1.5 }, 422, 'invalid-request', '/eta'],
    ['a negative scale', { ...SMALL_JOB, guidance_scale: -1 }, 422, 'invalid-request', '/guidance_scale'],
    ['a seed that is no integer', { ...SMALL_JOB, seed: 0.5 }, 422, 'invalid-request', '/seed'],
    [
      'a relative webhook',
      { ...SMALL_JOB, webhook: { url: '/hook' } },
      422,
      'invalid-request',
      '/webhook/url',
    ],
    [
      'a bad webhook secret',
      { ...SMALL_JOB, webhook: { url: 'https://a.example/', secret: 'x' } },
      422,
      'invalid-request',
      '/webhook/secret',
    ],
    ['a list', [], 422, 'invalid-request', ''],
    ['null', null, 422, 'invalid-request', ''],
  ];

  it.each(refusals)('names %s', async (_title, body, status, type, pointer) => {
    const response = await post('/v1/samples', body);
    expect(response.headers.get('Content-Type')).toBe('application/problem+json');
    expect(response.status).toBe(status);
    const problem = await problemOf(response);
    expect(problem.type).toBe(`/problems/${type}`);
    if (pointer !== null) expect(problem.errors?.map((error) => error.pointer)).toContain(pointer);
    expect(problem.detail.length).toBeGreaterThan(10);
  });

  it('says what was expected in its own words', async () => {
    const response = await post('/v1/samples', { ...SMALL_JOB, count: 50_001, seed: -1, sampler: 'x' });
    const { errors } = await problemOf(response);
    expect(errors).toEqual([
      { pointer: '/count', detail: 'expected at most 50000' },
      { pointer: '/sampler', detail: 'expected one of "ddpm"|"ddim"' },
      { pointer: '/seed', detail: 'expected at least 0' },
    ]);
  });

  it('names every bad field at once', async () => {
    const response = await post('/v1/samples', { model: 'mnist-32', clas: 1, seed: -1, sampler: 'x' });
    const problem = await problemOf(response);
    expect(problem.errors?.map((error) => error.pointer).sort()).toEqual(['/clas', '/sampler', '/seed']);
  });

  it.each([
    ['malformed JSON', '{"model":', 'application/json', 400, 'malformed-json'],
    ['an empty body', '', 'application/json', 400, 'malformed-json'],
    [
      'another media type',
      'model=mnist-32',
      'application/x-www-form-urlencoded',
      415,
      'unsupported-media-type',
    ],
    ['a body over the limit', `"${'x'.repeat(70_000)}"`, 'application/json', 413, 'body-too-large'],
  ])('tells %s apart', async (_title, body, type, status, problem) => {
    const response = await call('/v1/samples', { method: 'POST', headers: { 'Content-Type': type }, body });
    expect(response.status).toBe(status);
    expect((await problemOf(response)).type).toBe(`/problems/${problem}`);
  });
});

describe('what is not there', () => {
  it.each([
    '/v1/samples/smp_00000000000000000000000000',
    '/v1/samples/nonsense',
    '/v1/samples/smp_00000000000000000000000000/grid.png',
    '/v1/samples/smp_00000000000000000000000000/images/0.png',
    '/v1/samples/smp_00000000000000000000000000/images/x.png',
    '/v1/models/nope',
    '/v2/anything',
  ])('%s is a 404 with a problem', async (path) => {
    const response = await call(path);
    expect(response.status).toBe(404);
    expect(response.headers.get('Content-Type')).toBe('application/problem+json');
  });

  it.each([
    ['DELETE', '/v1/samples', 'GET, POST'],
    ['GET', '/v1/samples/smp_00000000000000000000000000/cancel', 'POST'],
    ['POST', '/v1/models', 'GET'],
  ])('%s %s is a 405 that names what is possible', async (method, path, allowed) => {
    const response = await call(path, { method });
    expect(response.status).toBe(405);
    expect(response.headers.get('Allow')).toBe(allowed);
    expect((await problemOf(response)).type).toBe('/problems/method-not-allowed');
  });

  it('says so of an image that is not drawn yet', async () => {
    await spoil({ fault: 'hang' });
    const { id } = await createSample();
    const response = await call(`/v1/samples/${id}/images/0.png`);
    expect(response.status).toBe(404);
    expect(await problemOf(response)).toMatchObject({ type: '/problems/not-ready' });
    await post(`/v1/samples/${id}/cancel`, {});
  });
});

describe('models and health', () => {
  it('lists the models with what a request needs to know', async () => {
    const { models } = (await (await call('/v1/models')).json()) as {
      models: { id: string; classes: string[] }[];
    };
    expect(models.map((model) => model.id)).toContain('mnist-32');
    const one = await (await call('/v1/models/mnist-32')).json();
    expect(one).toMatchObject({
      id: 'mnist-32',
      classes: ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'],
      guided: true,
    });
  });

  it('answers that it is alive', async () => {
    expect(await (await call('/health')).json()).toMatchObject({ status: 'ok', backend: 'remote' });
  });

  it('describes itself in OpenAPI 3.1', async () => {
    const document = (await (await call('/openapi.json')).json()) as { openapi: string; paths: object };
    expect(document.openapi).toBe('3.1.0');
    expect(Object.keys(document.paths)).toContain('/v1/samples');
  });
});
