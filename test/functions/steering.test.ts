/** Classes and guidance in requests: what is taken, how it is shown, and what is refused where. */
import { describe, expect, it, test } from 'vitest';
import { createSample, ended, post, problemOf, resultOf, SMALL_JOB, waitFor } from '../support/api.ts';

async function refusal(body: object): Promise<{ pointers: string[]; detail: string }> {
  const response = await post('/v1/samples', { ...SMALL_JOB, ...body });
  expect(response.status).toBe(422);
  const { errors = [], detail } = await problemOf(response);
  return { pointers: errors.map(({ pointer }) => pointer), detail };
}

async function pictures(body: object): Promise<Uint8Array[]> {
  const sample = await waitFor((await createSample({ ...SMALL_JOB, ...body })).id, ended);
  expect(sample.status).toBe('succeeded');
  return resultOf(sample);
}

test('weights over classes are taken by name or index and shown by index', async () => {
  const { id, request } = await createSample({
    ...SMALL_JOB,
    classes: [{ '3': 0.7, '8': 0.3 }, 0],
    steps: 2,
  });
  expect(request.classes).toEqual([{ 3: 0.7, 8: 0.3 }, 0]);
  const sample = await waitFor(id, ended);
  expect(sample.images.map((image) => image.class)).toEqual([3, 0]);
});

test('a weight of 1 on one class is that class', async () => {
  expect(await pictures({ classes: [{ 3: 1 }, { 1: 1 }, { 4: 1 }] })).toEqual(await pictures({}));
});

describe('a schedule', () => {
  it('that has one scale throughout gives the bytes of the number', async () => {
    const plain = await pictures({ guidance_scale: 3 });
    const scales = Array.from({ length: 8 }, () => 3);
    expect(await pictures({ guidance_scale: { type: 'list', scales } })).toEqual(plain);
    expect(await pictures({ guidance_scale: { type: 'linear', from: 3, to: 3 } })).toEqual(plain);
    expect(await pictures({ guidance_scale: { type: 'interval', scale: 3, from: 999 } })).toEqual(plain);
  });

  it('that never guides gives the bytes of an unguided job', async () => {
    const unguided = await pictures({ guidance_scale: 0 });
    const never = { type: 'interval', scale: 3, from: 1, to: 1 };
    expect(await pictures({ guidance_scale: never })).toEqual(unguided);
  });

  it('is shown as it was asked for', async () => {
    const guidance_scale = { type: 'linear', from: 8, to: 1 };
    const { request } = await createSample({ ...SMALL_JOB, guidance_scale, steps: 2 });
    expect(request.guidance_scale).toEqual(guidance_scale);
  });
});

describe('is refused with the place of the mistake:', () => {
  it.each([
    ['a class that is none', { class: 10, classes: undefined }, '/class', 'no class of mnist-32'],
    ['a class that is none among weights', { classes: [{ 3: 1, 11: 1 }] }, '/classes/0/11', '11 is no class'],
    ['weights without a direction', { classes: [{ 3: 0 }] }, '/classes/0', 'a weight above 0'],
    ['a weight that is no number', { classes: [{ 3: 'x' }] }, '/classes/0/3', 'expected number'],
    ['a weight too large', { classes: [{ 3: 11 }] }, '/classes/0/3', 'at most 10'],
    ['a scale below 0', { guidance_scale: -1 }, '/guidance_scale', 'at least 0'],
    ['text', { guidance_scale: '4' }, '/guidance_scale', 'or a schedule'],
    ['an unknown schedule', { guidance_scale: { type: 'cosine' } }, '/guidance_scale/type', 'expected'],
    [
      'a list too short',
      { guidance_scale: { type: 'list', scales: [1] } },
      '/guidance_scale/scales',
      '8 steps',
    ],
    [
      'an interval upside down',
      { guidance_scale: { type: 'interval', scale: 1, from: 10, to: 20 } },
      '/guidance_scale/to',
      'at most from',
    ],
    [
      'an interval beyond the process',
      { guidance_scale: { type: 'interval', scale: 1, from: 1000 } },
      '/guidance_scale/from',
      '999',
    ],
    [
      'a typo in a schedule',
      { guidance_scale: { type: 'linear', from: 1, to: 1, too: 1 } },
      '/guidance_scale/too',
      'unknown field',
    ],
  ])('%s', async (_name, body, pointer, detail) => {
    const answer = await refusal(body);
    expect(answer.pointers).toEqual([pointer]);
    expect(answer.detail).toMatch(detail);
  });
});
