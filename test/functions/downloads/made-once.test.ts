import { env } from 'cloudflare:workers';
import { expect, it } from 'vitest';
import { putPieces } from '../../../src/functions/downloads/made-once.ts';

const PART = 5 * 1024 ** 2;
const KEY = 'tests/made-once';

/** Longer than any of the files below. */
const CONTENT = new Uint8Array(2 * PART + 1).map((_, i) => (i * 31) >> 4);

function* piecesOf(sizes: readonly number[]): Generator<Uint8Array> {
  let at = 0;
  for (const size of sizes) {
    yield CONTENT.subarray(at, at + size);
    at += size;
  }
}

async function* from(pieces: Iterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield* pieces;
}

it.each([
  ['in one go', [10, 0, 7]],
  ['in parts', [PART - 1, 3, 100]],
  ['in whole parts, and a piece that is larger than one', [2 * PART]],
])('writes what the pieces are together, %s', async (_, sizes) => {
  await putPieces(env.OUTPUTS, KEY, from(piecesOf(sizes)), 'image/apng');
  const object = (await env.OUTPUTS.get(KEY))!;
  expect(object.httpMetadata?.contentType).toBe('image/apng');
  const length = sizes.reduce((sum, size) => sum + size, 0);
  expect(Buffer.compare(await object.bytes(), CONTENT.subarray(0, length))).toBe(0);
});

it('leaves nothing there when the pieces break off', async () => {
  await env.OUTPUTS.delete(KEY);
  const broken = async function* () {
    yield* piecesOf([PART + 1]);
    throw new Error('gone');
  };
  await expect(putPieces(env.OUTPUTS, KEY, broken(), 'image/apng')).rejects.toThrow('gone');
  expect(await env.OUTPUTS.head(KEY)).toBeNull();
});
