import { env } from 'cloudflare:workers';
import { beforeAll, describe, expect, it } from 'vitest';
import { type SigningEnv, signatureFault, signUrl } from '../../../src/functions/auth/signed-url.ts';
import { Links } from '../../../src/functions/links.ts';
import type { SampleResponse } from '../../../src/functions/schemas/sample-response.ts';
import { callBare, createSample, ended, problemOf, SMALL_JOB, waitFor } from '../../support/api.ts';

const SECRET = { URL_SIGNING_SECRET: 'one secret of at least 32 characters' };
const PATH = 'https://cairn.test/v1/samples/a/grid.png';
const EXPIRES = 2_000_000_000;
const BEFORE = EXPIRES * 1000 - 1;

async function signed(signing: SigningEnv = SECRET): Promise<URL> {
  return new URL(await signUrl(PATH, EXPIRES, signing));
}

/** Flips one bit of one character of a base64url text, so that it still is base64url. */
function altered(text: string, at: number): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  const other = alphabet[alphabet.indexOf(text[at]!) ^ 32]!;
  return text.slice(0, at) + other + text.slice(at + 1);
}

describe('a signature', () => {
  it('is the HMAC-SHA-256 of method, path and expiry in base64url', async () => {
    // printf 'GET\n/v1/samples/a/grid.png\n2000000000' | openssl dgst -sha256 -hmac 'one secret ...' -binary | base64
    const url = await signed();
    expect(url.searchParams.get('expires')).toBe('2000000000');
    expect(url.searchParams.get('signature')).toBe('RKO2HO1QhIVU9NGPZvOt1WZNbdfqcdWaUjupv0uOot8');
  });

  it('opens its path until it expires, whatever else the query says', async () => {
    const url = await signed();
    url.searchParams.set('download', '1');
    expect(await signatureFault(url, BEFORE, SECRET)).toBeNull();
    expect(await signatureFault(url, BEFORE + 1, SECRET)).toMatchObject({
      type: 'signature-expired',
      detail: expect.stringContaining('2033-05-18T03:33:20.000Z'),
    });
  });

  const alterations: [title: string, alter: (url: URL) => void, says: string][] = [
    ['another path', (url) => (url.pathname = '/v1/samples/b/grid.png'), '/v1/samples/b/grid.png'],
    ['a path that was spelt another way', (url) => (url.pathname = '/v1/samples/%61/grid.png'), '%61'],
    ['a later expiry', (url) => url.searchParams.set('expires', '2000000001'), 'expires=2000000001'],
    ['an expiry that is no number', (url) => url.searchParams.set('expires', '2e9'), 'seconds since 1970'],
    ['no expiry', (url) => url.searchParams.delete('expires'), 'seconds since 1970'],
    ['a signature cut short', (url) => url.searchParams.set('signature', 'AAAA'), '43 characters'],
    [
      'a signature with another alphabet',
      (url) => url.searchParams.set('signature', '+'.repeat(43)),
      '43 characters',
    ],
  ];
  it.each(alterations)('does not open %s, and says so', async (_title, alter, says) => {
    const url = await signed();
    alter(url);
    const fault = await signatureFault(url, BEFORE, SECRET);
    expect(fault).toMatchObject({ type: 'signature-invalid', detail: expect.stringContaining(says) });
  });

  it('is worthless with any one bit changed', async () => {
    const url = await signed();
    const signature = url.searchParams.get('signature')!;
    for (let at = 0; at < signature.length; at++) {
      url.searchParams.set('signature', altered(signature, at));
      expect(await signatureFault(url, BEFORE, SECRET)).toMatchObject({ type: 'signature-invalid' });
    }
  });

  it('outlives one rotation of the secret, and not the second', async () => {
    const url = await signed();
    const next = 'another secret of at least 32 characters';
    const rotated = { URL_SIGNING_SECRET: next, URL_SIGNING_SECRET_PREVIOUS: SECRET.URL_SIGNING_SECRET };
    expect(await signatureFault(url, BEFORE, rotated)).toBeNull();
    expect(await signed(rotated)).not.toEqual(url);
    expect(await signatureFault(url, BEFORE, { URL_SIGNING_SECRET: next })).not.toBeNull();
  });

  it('is not made without a secret, and then opens nothing', async () => {
    expect(await signUrl(PATH, EXPIRES, {})).toBe(PATH);
    expect(await signatureFault(await signed(), BEFORE, {})).toMatchObject({
      detail: expect.stringContaining('signs no URLs'),
    });
  });

  it('is not made with a secret that could be guessed', async () => {
    await expect(signUrl(PATH, EXPIRES, { URL_SIGNING_SECRET: 'short' })).rejects.toThrow('at least 32');
  });
});

describe('a link in an answer', () => {
  const now = Date.parse('2030-01-01T00:07:00Z');
  const links = new Links(SECRET, { origin: 'https://cairn.test', now });
  const expiryOf = (url: string) => Number(new URL(url).searchParams.get('expires')) * 1000;

  it('lives an hour, to the next quarter, so that it stays the same for a while', async () => {
    expect(expiryOf(await links.signed('/a'))).toBe(Date.parse('2030-01-01T01:15:00Z'));
  });

  it('never outlives what it leads to', async () => {
    const gone = Date.parse('2030-01-01T00:20:00Z');
    expect(expiryOf(await links.signed('/a', gone))).toBe(gone);
    expect(expiryOf(await links.signed('/a', gone + 86_400_000))).toBe(Date.parse('2030-01-01T01:15:00Z'));
  });
});

describe('over HTTP', () => {
  let sample: SampleResponse;
  beforeAll(async () => {
    const { id } = await createSample({ ...SMALL_JOB, steps: 2 });
    sample = await waitFor(id, ended);
  });
  const bare = (url: string, init?: RequestInit) => callBare(url.replace(/^https:\/\/[^/]+/, ''), init);

  it('pictures open without a key, for GET and HEAD', async () => {
    for (const url of [sample.grid!, ...sample.images.map((image) => image.url!)]) {
      for (const method of ['GET', 'HEAD']) {
        const response = await bare(url, { method });
        expect(response.status).toBe(200);
        expect(response.headers.get('Content-Type')).toBe('image/png');
        expect(response.headers.get('Cross-Origin-Resource-Policy')).toBe('cross-origin');
        await response.body?.cancel();
      }
    }
  });

  it('a signature of one picture opens no other, and nothing that is not read', async () => {
    const other = sample.images[0]!.url!.replace('images/0.png', 'images/1.png');
    const response = await bare(other);
    expect(response.status).toBe(403);
    expect(await problemOf(response)).toMatchObject({ type: '/problems/signature-invalid' });
    expect((await bare(sample.grid!.replace('grid.png', 'cancel'), { method: 'POST' })).status).toBe(401);
  });

  it('an expired link says so, unless a key comes with it', async () => {
    const path = `/v1/samples/${sample.id}/grid.png`;
    const url = await signUrl(`https://cairn.test${path}`, 1_000_000_000, env);
    const response = await bare(url);
    expect(response.status).toBe(403);
    expect(await problemOf(response)).toMatchObject({ type: '/problems/signature-expired' });
    const withKey = await bare(url, { headers: { Authorization: 'Bearer cairn_test' } });
    expect(withKey.status).toBe(200);
    await withKey.body?.cancel();
  });

  it('a signature of a path that takes none does not replace the key', async () => {
    const url = await signUrl(`https://cairn.test/v1/samples/${sample.id}`, EXPIRES, env);
    expect((await bare(url)).status).toBe(403);
  });

  it('a signature of a sample that never was leads to nothing', async () => {
    const path = '/v1/samples/smp_00000000000000000000000000/grid.png';
    expect((await bare(await signUrl(`https://cairn.test${path}`, EXPIRES, env))).status).toBe(404);
  });
});
