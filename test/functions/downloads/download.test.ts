import { unzipSync } from 'fflate';
import { beforeAll, describe, expect, it } from 'vitest';
import { decodePng } from '../../../src/durable/outputs.ts';
import type { SampleResponse } from '../../../src/functions/schemas/sample-response.ts';
import { parseNpy } from '../../../src/verify/npy.ts';
import {
  bytesOf,
  call,
  callBare,
  createSample,
  ended,
  problemOf,
  SMALL_JOB,
  waitFor,
} from '../../support/api.ts';

let sample: SampleResponse;
let place: string;

/** Of every kind: what lies in the bucket, and what is made while it is sent. */
const FILES = [
  ['images/1.png', 'image/png', 'inline; filename="ID-1.png"'],
  ['images/1.npy', 'application/octet-stream', 'attachment; filename="ID-1.npy"'],
  ['grid.png', 'image/png', 'inline; filename="ID.png"'],
  ['animation.png', 'image/apng', 'inline; filename="ID-animation.png"'],
  ['animation.png?image=1', 'image/apng', 'inline; filename="ID-1-animation.png"'],
  ['samples.npz', 'application/zip', 'attachment; filename="samples_3x32x32x1.npz"'],
  ['latents.npy', 'application/octet-stream', 'attachment; filename="ID.npy"'],
] as const;

beforeAll(async () => {
  const { id } = await createSample({
    ...SMALL_JOB,
    classes: [3, { 1: 0.2, 8: 0.7 }, 4],
    steps: 2,
    keep_trajectory: { every: 1, what: 'both' },
  });
  sample = await waitFor(id, ended);
  place = `/v1/samples/${id}`;
});

async function whole(file: string): Promise<Uint8Array> {
  return bytesOf(`${place}/${file}`);
}

function withQuery(file: string, field: string): string {
  return `${file}${file.includes('?') ? '&' : '?'}${field}`;
}

function get(file: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Response> {
  return call(`${place}/${file}`, { headers, method });
}

describe.each(FILES)('%s', (file, type, disposition) => {
  it('comes with its type, length, name and a tag that stays', async () => {
    const response = await get(file);
    const bytes = new Uint8Array(await response.arrayBuffer());
    expect(response.status).toBe(200);
    expect(response.headers.get('Content-Type')).toBe(type);
    expect(response.headers.get('Content-Length')).toBe(String(bytes.length));
    expect(response.headers.get('Content-Disposition')).toBe(disposition.replace('ID', sample.id));
    expect(response.headers.get('Accept-Ranges')).toBe('bytes');
    expect(response.headers.get('Cache-Control')).toContain('private');
    expect(response.headers.get('ETag')).toMatch(/^"[0-9a-f]{32}"$/);
    const again = await get(file);
    expect(again.headers.get('ETag')).toBe(response.headers.get('ETag'));
    expect(new Uint8Array(await again.arrayBuffer())).toEqual(bytes);
  });

  it('is saved under its name when the query says so', async () => {
    const response = await get(withQuery(file, 'download=1'));
    await response.arrayBuffer();
    expect(response.headers.get('Content-Disposition')).toMatch(/^attachment; filename="/);
    expect((await get(withQuery(file, 'download=yes'))).status).toBe(422);
  });

  it('answers HEAD with the headers alone', async () => {
    const full = await get(file);
    await full.arrayBuffer();
    const response = await get(file, {}, 'HEAD');
    expect(response.status).toBe(200);
    for (const name of ['Content-Type', 'Content-Length', 'ETag', 'Last-Modified', 'Accept-Ranges']) {
      expect(response.headers.get(name), name).toBe(full.headers.get(name));
    }
    expect((await response.arrayBuffer()).byteLength).toBe(0);
  });

  it('answers 304 to the tag that the caller has, and 412 to one it has not', async () => {
    const etag = (await get(file, {}, 'HEAD')).headers.get('ETag')!;
    const same = await get(file, { 'If-None-Match': etag });
    expect(same.status).toBe(304);
    expect(same.headers.get('ETag')).toBe(etag);
    expect((await same.arrayBuffer()).byteLength).toBe(0);
    const other = await get(file, { 'If-Match': '"other"' });
    expect(other.status).toBe(412);
    expect((await problemOf(other)).type).toBe('/problems/precondition-failed');
  });

  it('gives every part, and the parts make the whole', async () => {
    const all = await whole(file);
    const cut = Math.floor(all.length / 3);
    const parts = [`0-${cut - 1}`, `${cut}-${2 * cut}`, `${2 * cut + 1}-`];
    const joined: number[] = [];
    for (const range of parts) {
      const response = await get(file, { Range: `bytes=${range}` });
      expect(response.status).toBe(206);
      const bytes = new Uint8Array(await response.arrayBuffer());
      const at = joined.length;
      expect(response.headers.get('Content-Range')).toBe(
        `bytes ${at}-${at + bytes.length - 1}/${all.length}`,
      );
      expect(response.headers.get('Content-Length')).toBe(String(bytes.length));
      joined.push(...bytes);
    }
    expect(Uint8Array.from(joined)).toEqual(all);
    const tail = await get(file, { Range: 'bytes=-10' });
    expect(new Uint8Array(await tail.arrayBuffer())).toEqual(all.slice(-10));
  });

  it('answers 416 to a range beyond its end, and says how long it is', async () => {
    const { length } = await whole(file);
    const response = await get(file, { Range: `bytes=${length}-` });
    expect(response.status).toBe(416);
    expect(response.headers.get('Content-Range')).toBe(`bytes */${length}`);
    expect((await problemOf(response)).detail).toContain(String(length));
  });
});

describe('samples.npz', () => {
  it('holds the pixels of the PNGs as uint8 [N, H, W, C], and the labels, the heaviest of several', async () => {
    const members = unzipSync(await whole('samples.npz'));
    expect(Object.keys(members)).toEqual(['arr_0.npy', 'arr_1.npy']);
    const images = parseNpy(members['arr_0.npy']!);
    expect(images).toMatchObject({ dtype: 'uint8', shape: [3, 32, 32, 1] });
    for (let n = 0; n < 3; n++) {
      const { data } = decodePng(await whole(`images/${n}.png`));
      expect(images.data.slice(n * 1024, (n + 1) * 1024)).toEqual(data);
    }
    expect(parseNpy(members['arr_1.npy']!)).toEqual({
      dtype: 'int64',
      shape: [3],
      data: Float64Array.from([3, 8, 4]),
    });
  });

  it('has no labels when the images have no class', async () => {
    const { id } = await createSample({ model: 'mnist-32', guidance_scale: 0, steps: '2', seed: 1 });
    await waitFor(id, ended);
    const members = unzipSync(await bytesOf(`/v1/samples/${id}/samples.npz`));
    expect(Object.keys(members)).toEqual(['arr_0.npy']);
  });

  it('goes over many batches in the order of the images', async () => {
    const { id } = await createSample({ ...SMALL_JOB, classes: [0, 1], count: 19, steps: '2' });
    await waitFor(id, ended);
    const members = unzipSync(await bytesOf(`/v1/samples/${id}/samples.npz`));
    const images = parseNpy(members['arr_0.npy']!);
    expect(images.shape).toEqual([19, 32, 32, 1]);
    const last = decodePng(await bytesOf(`/v1/samples/${id}/images/18.png`));
    expect(images.data.slice(18 * 1024)).toEqual(last.data);
    expect([...parseNpy(members['arr_1.npy']!).data]).toEqual(Array.from({ length: 19 }, (_, i) => i % 2));
  });
});

describe('latents.npy', () => {
  it('is the tensors of the images in a row, float32 [N, C, H, W]', async () => {
    const all = parseNpy(await whole('latents.npy'));
    expect(all).toMatchObject({ dtype: 'float32', shape: [3, 1, 32, 32] });
    for (let n = 0; n < 3; n++) {
      const one = parseNpy(await whole(`images/${n}.npy`));
      expect(one.shape).toEqual([1, 32, 32]);
      expect(all.data.slice(n * 1024, (n + 1) * 1024)).toEqual(one.data);
    }
  });

  it('is not there without keep_state, and says why', async () => {
    const { id } = await createSample({ ...SMALL_JOB, keep_state: false, steps: '2' });
    const { outputs } = await waitFor(id, ended);
    expect(outputs).toMatchObject({ latents: null, npz: expect.stringContaining('signature=') });
    const response = await call(`/v1/samples/${id}/latents.npy`);
    expect(response.status).toBe(404);
    expect((await problemOf(response)).detail).toContain('without keep_state');
  });
});

describe('the links to outputs', () => {
  it('open all of them without a key', async () => {
    for (const url of Object.values(sample.outputs)) {
      const { pathname, search } = new URL(url!);
      const response = await callBare(pathname + search);
      expect(response.status).toBe(200);
      await response.arrayBuffer();
    }
  });

  it('are null until there is something behind them', async () => {
    const { id, outputs } = await createSample({ ...SMALL_JOB, steps: '2' });
    expect(Object.values(outputs).every((url) => url === null)).toBe(true);
    const early = await call(`/v1/samples/${id}/samples.npz`);
    if (early.status !== 200) expect((await problemOf(early)).type).toBe('/problems/not-ready');
    await waitFor(id, ended);
  });
});
