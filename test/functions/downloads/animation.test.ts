/** Trajectories as animations: that the frames are the kept steps, and what is said where there are none. */
import { env } from 'cloudflare:workers';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { composeGrid, decodePng, gridColumns, jobPrefix } from '../../../src/durable/outputs.ts';
import type { SampleResponse } from '../../../src/functions/schemas/sample-response.ts';
import { bytesOf, call, callBare, createSample, problemOf, SMALL_JOB } from '../../support/api.ts';
import { readApng } from '../../support/apng.ts';
import { finished, remove } from '../../support/samples.ts';

const animationOf = async (id: string, query = '') =>
  readApng(await bytesOf(`/v1/samples/${id}/animation.png${query}`));

const pixelsAt = async (path: string) => decodePng(await bytesOf(path));

async function detailOf(path: string): Promise<string> {
  const response = await call(path);
  expect(response.status).toBe(404);
  const problem = await problemOf(response);
  expect(problem.type).toBe('/problems/not-ready');
  return problem.detail;
}

let sample: SampleResponse;

describe('the animation of a kept trajectory', () => {
  // More images than a batch has, and a row of tiles that two batches share.
  const classes = [3, 1, 4];
  const count = 11;

  beforeAll(async () => {
    sample = await finished({
      ...SMALL_JOB,
      classes,
      count,
      steps: 4,
      keep_trajectory: { every: 2, what: 'both' },
    });
  }, 60_000);

  it('shows each kept step as the contact sheet shows the end', async () => {
    const { frames, ...sheet } = await animationOf(sample.id, '?what=x_t');
    const grid = await pixelsAt(`/v1/samples/${sample.id}/grid.png`);
    expect(sheet).toEqual({ width: grid.width, height: grid.height, channels: 1, plays: 0 });
    expect(Buffer.compare(frames.at(-1)!.pixels, grid.data)).toBe(0);
    for (const [frame, step] of [0, 2, 4].entries()) {
      const images = Array.from({ length: count }, (_, image) =>
        pixelsAt(`/v1/samples/${sample.id}/trajectory/${step}/x_t/${image}.png`),
      );
      const expected = composeGrid(await Promise.all(images), gridColumns(count, classes.length));
      expect(Buffer.compare(frames[frame]!.pixels, expected.data), `step ${step}`).toBe(0);
    }
  });

  it('is of what was predicted unless it is asked for the noise', async () => {
    const { frames } = await animationOf(sample.id, '?image=10');
    expect(frames).toHaveLength(2);
    for (const [frame, step] of [2, 4].entries()) {
      const { data } = await pixelsAt(`/v1/samples/${sample.id}/trajectory/${step}/x_start/10.png`);
      expect(Buffer.compare(frames[frame]!.pixels, data)).toBe(0);
    }
  });

  it('of one image is at its own size, and ends in its pixels', async () => {
    const { frames, ...size } = await animationOf(sample.id, '?image=10&what=x_t');
    expect(size).toEqual({ width: 32, height: 32, channels: 1, plays: 0 });
    const { data } = await pixelsAt(`/v1/samples/${sample.id}/images/10.png`);
    expect(Buffer.compare(frames.at(-1)!.pixels, data)).toBe(0);
  });

  it('moves evenly and rests at its end', async () => {
    const delays = (await animationOf(sample.id, '?what=x_t')).frames.map(({ delayMs }) => delayMs);
    expect(delays).toEqual([500, 500, 2000]);
  });

  it('is linked where the outputs are, and the link opens that of one image too', async () => {
    const { pathname, search } = new URL(sample.outputs.animation!);
    expect(pathname).toBe(`/v1/samples/${sample.id}/animation.png`);
    expect((await callBare(pathname)).status).toBe(401);
    const one = await callBare(`${pathname + search}&image=2`);
    expect((await readApng(new Uint8Array(await one.arrayBuffer()))).width).toBe(32);
  });

  it('is made once, and goes with the sample', async () => {
    const keys = async () => (await env.OUTPUTS.list({ prefix: jobPrefix(sample.id) })).objects;
    const path = `/v1/samples/${sample.id}/animation.png?image=0`;
    const before = (await keys()).length;
    const put = vi.spyOn(env.OUTPUTS, 'put');
    const [one, ...others] = await Promise.all([1, 2, 3, 4].map(() => bytesOf(path)));
    expect(put).toHaveBeenCalledTimes(1);
    put.mockRestore();
    for (const other of others) expect(other).toEqual(one);
    expect((await keys()).length).toBe(before + 1);
    const made = (await keys()).find(({ key }) => key.endsWith('x_start-0.png'))!;
    await bytesOf(path);
    expect((await keys()).find(({ key }) => key === made.key)?.uploaded).toEqual(made.uploaded);

    expect((await remove(sample.id)).status).toBe(204);
    expect((await call(path)).status).toBe(404);
    await expect.poll(async () => (await keys()).length, { timeout: 30_000 }).toBe(0);
  });
});

describe('where there is no animation', () => {
  it.each<[string, object, string, RegExp]>([
    ['of a sample that kept nothing', {}, '', /make the sample with keep_trajectory/],
    [
      'of what was not kept',
      { keep_trajectory: { every: 1, what: 'x_start' } },
      '?what=x_t',
      /ask for what=x_start/,
    ],
    ['of an image that is not there', { keep_trajectory: { every: 1 } }, '?image=3', /3 images/],
  ])('%s the answer says what to ask for', async (_, request, query, expected) => {
    const { id, outputs } = await finished({ ...SMALL_JOB, steps: 2, ...request });
    expect(outputs.animation === null).toBe(!('keep_trajectory' in request));
    expect(await detailOf(`/v1/samples/${id}/animation.png${query}`)).toMatch(expected);
  });

  it.each(['image=-1', 'image=1.5', 'image=x', 'what=eps', 'image=9999999'])(
    '%s is refused',
    async (query) => {
      const response = await call(`/v1/samples/smp_00000000000000000000000000/animation.png?${query}`);
      expect(response.status).toBe(422);
      expect((await problemOf(response)).errors).toHaveLength(1);
    },
  );

  it('says of a sample under way that it is not there yet', async () => {
    const { id, outputs } = await createSample({ ...SMALL_JOB, steps: 50, keep_trajectory: { every: 10 } });
    expect(outputs.animation).toBeNull();
    expect(await detailOf(`/v1/samples/${id}/animation.png`)).toMatch(/is not there: the sample is/);
    await remove(id);
  });
});
