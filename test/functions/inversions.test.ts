/** From an image to noise and back, and from one piece of noise to another. */
import { afterEach, describe, expect, it } from 'vitest';
import { decodePng, encodePng } from '../../src/durable/outputs.ts';
import type { SampleResponse } from '../../src/functions/schemas/sample-response.ts';
import { bytesOf, call, createSample, ended, post, problemOf, spoil, waitFor } from '../support/api.ts';
import { accepted } from '../support/samples.ts';

afterEach(() => spoil({ fault: null }));

const DETERMINISTIC = { model: 'mnist-32', sampler: 'ddim', eta: 0, guidance_scale: 0, keep_state: true };

async function over(response: Response): Promise<SampleResponse> {
  const sample = await waitFor((await accepted(response)).id, ended, 200_000);
  expect(sample.status).toBe('succeeded');
  return sample;
}

const pngOf = (sample: SampleResponse, image = 0) => bytesOf(`/v1/samples/${sample.id}/images/${image}.png`);
const npyOf = (sample: SampleResponse, image = 0) => bytesOf(`/v1/samples/${sample.id}/images/${image}.npy`);
const base64 = (bytes: Uint8Array) => btoa(String.fromCharCode(...bytes));

const draw = async (body: object) => over(await post('/v1/samples', { ...DETERMINISTIC, ...body }));
const invert = async (body: object) => over(await post('/v1/inversions', { model: 'mnist-32', ...body }));
const interpolate = async (body: object) =>
  over(await post('/v1/interpolations', { model: 'mnist-32', guidance_scale: 0, ...body }));

/** Mean absolute difference, of 255. */
async function distance(a: Uint8Array, b: Uint8Array): Promise<number> {
  const [x, y] = [decodePng(a).data, decodePng(b).data];
  return x.reduce((sum, value, i) => sum + Math.abs(value - y[i]!), 0) / x.length;
}

describe('an inversion', () => {
  it('leads back to the image by DDIM', { timeout: 300_000 }, async () => {
    const digit = await pngOf(await draw({ steps: 50, seed: 5 }));
    const inverted = await invert({ image: base64(digit), steps: 250 });
    expect(inverted).toMatchObject({
      kind: 'inversion',
      request: { sampler: 'ddim_inversion', steps: 'ddim250' },
      progress: { step: 249, steps: 249 },
      images: [{ seed: null }],
    });
    const back = await draw({ start_from: { sample: inverted.id } });
    expect(back.request.steps).toBe('ddim250');
    const error = await distance(digit, await pngOf(back));
    console.log(`reconstruction error at 250 steps: ${error.toFixed(3)} of 255 a pixel`);
    expect(error).toBeLessThan(8);
    const elsewhere = await draw({ seed: 6, steps: 10 });
    expect(await distance(digit, await pngOf(elsewhere))).toBeGreaterThan(3 * error);
  });

  it('can be replayed, and lets its latent be led elsewhere by a class', async () => {
    const digit = await pngOf(await draw({ class: 3, guidance_scale: 2, steps: 10, seed: 5 }));
    const inverted = await invert({ image: `data:image/png;base64,${base64(digit)}`, steps: 10 });
    const again = await over(await post(`/v1/samples/${inverted.id}/replay`, {}));
    expect(again.replay).toMatchObject({ equal: true, images: 1 });
    const led = await draw({ start_from: { sample: inverted.id }, class: 8, guidance_scale: 4, count: 2 });
    expect(await npyOf(led, 0)).toEqual(await npyOf(led, 1));
    expect(await npyOf(led)).not.toEqual(await npyOf(await draw({ start_from: { sample: inverted.id } })));
  });

  it('is refused with the size that is expected', async () => {
    const small = encodePng({ width: 28, height: 28, channels: 1, data: new Uint8Array(784) });
    for (const [image, detail] of [
      [base64(small), 'the image is 28 x 28 pixels, expected 32 x 32'],
      ['data:image/jpeg;base64,AAAA', 'expected a PNG'],
      ['%%%', 'expected a PNG in base64'],
      ['AAAA', 'expected a PNG image'],
    ]) {
      const response = await post('/v1/inversions', { model: 'mnist-32', image });
      expect(response.status).toBe(422);
      const problem = await problemOf(response);
      expect(problem.errors?.map((error) => error.pointer)).toEqual(['/image']);
      expect(problem.detail).toMatch(detail!);
    }
  });

  it('takes bodies larger than other requests may have, and no larger than an image needs', async () => {
    const body = { model: 'mnist-32', image: 'A'.repeat(200_000) };
    expect((await post('/v1/inversions', body)).status).toBe(422);
    expect((await post('/v1/inversions', { ...body, image: 'A'.repeat(11_000_000) })).status).toBe(413);
    expect((await post('/v1/samples', body)).status).toBe(413);
  });

  it('can be followed, but not forked', async () => {
    const image = base64(encodePng({ width: 32, height: 32, channels: 1, data: new Uint8Array(1024) }));
    const { id } = await invert({ image, steps: 4, keep_trajectory: { every: 1 } });
    const response = await post(`/v1/samples/${id}/fork`, { step: 1 });
    expect([response.status, (await problemOf(response)).type]).toEqual([409, '/problems/not-forkable']);
    expect(await bytesOf(`/v1/samples/${id}/trajectory/3/x_t/0.npy`)).toEqual(
      await bytesOf(`/v1/samples/${id}/images/0.npy`),
    );
  });
});

describe('start_from', () => {
  it('a kept x_T gives the images of the sample that kept it', async () => {
    const source = await draw({ steps: 6, seed: 3, count: 2, keep_trajectory: { every: 6 } });
    const same = await draw({ steps: 6, seed: 77, start_from: { sample: source.id, image: 1 } });
    expect(await npyOf(same)).toEqual(await npyOf(source, 1));
  });

  it('is refused where there is no latent, or one of another timestep', async () => {
    const plain = await draw({ steps: 4, seed: 3 });
    const image = base64(encodePng({ width: 32, height: 32, channels: 1, data: new Uint8Array(1024) }));
    const inverted = await invert({ image, steps: 'ddim4' });
    for (const [body, pointer, detail] of [
      [{ start_from: { sample: plain.id } }, '/start_from/sample', 'keeps no x_T'],
      [{ start_from: { sample: plain.id, image: 3 } }, '/start_from/image', 'has 1 images'],
      [{ start_from: { sample: 'smp_nobody' } }, '/start_from/sample', 'no sample'],
      [
        { start_from: { sample: inverted.id }, steps: '7' },
        '/steps',
        'timestep 750, but these steps begin at 999',
      ],
    ] as const) {
      const problem = await problemOf(await post('/v1/samples', { ...DETERMINISTIC, ...body }));
      expect(problem.errors?.map((error) => error.pointer)).toEqual([pointer]);
      expect(problem.detail).toMatch(detail);
    }
  });
});

describe('an interpolation', () => {
  it('between two seeds begins and ends with their images', async () => {
    const between = await interpolate({ from: 1, to: 2, count: 5, steps: 6, keep_state: true });
    expect(between).toMatchObject({ kind: 'interpolation', images: Array(5).fill({ seed: null }) });
    const { steps } = between.request;
    expect(await npyOf(between, 0)).toEqual(await npyOf(await draw({ seed: 1, steps })));
    expect(await npyOf(between, 4)).toEqual(await npyOf(await draw({ seed: 2, steps })));
    expect(await npyOf(between, 2)).not.toEqual(await npyOf(between, 1));
    expect((await over(await post(`/v1/samples/${between.id}/replay`, {}))).replay?.equal).toBe(true);
  });

  it('goes over the batches of a job without a seam', async () => {
    const body = { from: 1, to: 2, steps: 2, keep_state: true };
    const [few, many] = [await interpolate({ ...body, count: 4 }), await interpolate({ ...body, count: 22 })];
    // image 1 of 4 and image 7 of 22 both lie at a third of the way; batches of other sizes may round in another way
    expect(await distance(await pngOf(few, 1), await pngOf(many, 7))).toBeLessThan(0.5);
    expect(await distance(await pngOf(few, 2), await pngOf(many, 14))).toBeLessThan(0.5);
  });

  it('takes the latent of an inversion for an end', async () => {
    const image = base64(encodePng({ width: 32, height: 32, channels: 1, data: new Uint8Array(1024) }));
    const inverted = await invert({ image, steps: 6 });
    const between = await interpolate({ from: { sample: inverted.id }, to: 4, count: 2, keep_state: true });
    expect(between.request.steps).toBe(inverted.request.steps);
    expect(await npyOf(between, 0)).toEqual(await npyOf(await draw({ start_from: { sample: inverted.id } })));
  });

  it.each([
    [{ from: -1, to: 2, count: 3 }, '/from'],
    [{ from: 1, to: { sample: 'x', picture: 1 }, count: 3 }, '/to/picture'],
    [{ from: 1, to: 2, count: 1 }, '/count'],
    [{ from: 1, to: 2, count: 3, sampler: 'ddpm' }, '/sampler'],
    [{ from: { sample: 'smp_nobody' }, to: 2, count: 3 }, '/from/sample'],
  ])('%j is refused with its place', async (body, pointer) => {
    const problem = await problemOf(
      await post('/v1/interpolations', { model: 'mnist-32', guidance_scale: 0, ...body }),
    );
    expect(problem.errors?.map((error) => error.pointer)).toEqual([pointer]);
  });
});

it('of another account these things do not exist', async () => {
  const { id } = await createSample({ ...DETERMINISTIC, steps: 2, keep_trajectory: { every: 1 } });
  const headers = { Authorization: 'Bearer cairn_nobody', 'Content-Type': 'application/json' };
  for (const path of ['fork', 'replay']) {
    const response = await call(`/v1/samples/${id}/${path}`, { method: 'POST', headers, body: '{"step":0}' });
    expect(response.status).toBe(401);
  }
});
