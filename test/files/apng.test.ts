import { decode } from 'fast-png';
import { describe, expect, it } from 'vitest';
import { type Animation, encodeApng } from '../../src/files/apng.ts';
import { concat } from '../../src/files/segments.ts';
import { readApng } from '../support/apng.ts';

/** Pixels that no compressor can guess: several chunks a frame. */
function noise(length: number, seed: number): Uint8Array {
  let state = seed;
  return Uint8Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 24;
  });
}

function animationOf(
  size: Pick<Animation, 'width' | 'height' | 'channels'>,
  frames: readonly Uint8Array[],
  cut: (frame: Uint8Array) => readonly Uint8Array[] = (frame) => [frame],
): Animation {
  return {
    ...size,
    frames: frames.map((frame, i) => ({ delayMs: 40 + i, rows: () => cut(frame) })),
  };
}

async function encoded(animation: Animation): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for await (const piece of encodeApng(animation)) pieces.push(piece);
  return concat(pieces);
}

describe.each([1, 3, 4])('an animation of %i channels', (channels) => {
  const size = { width: 61, height: 150, channels };
  const frames = [1, 2, 3].map((seed) => noise(61 * 150 * channels, seed));

  it('has every frame with its pixels and its time, and plays for ever', async () => {
    const read = await readApng(await encoded(animationOf(size, frames)));
    expect(read).toMatchObject({ ...size, plays: 0 });
    expect(read.frames.map(({ delayMs }) => delayMs)).toEqual([40, 41, 42]);
    for (const [i, { pixels }] of read.frames.entries()) expect(Buffer.compare(pixels, frames[i]!)).toBe(0);
  });

  it('is its first frame to a reader that knows no animations', async () => {
    const { data } = decode(await encoded(animationOf(size, frames)));
    expect(Buffer.compare(Buffer.from(data), Buffer.from(frames[0]!))).toBe(0);
  });

  it('takes its rows in whatever pieces they come', async () => {
    const row = size.width * channels;
    const cut = (frame: Uint8Array) =>
      [0, 1, 2, 77, 149].map((from, i, starts) => frame.subarray(from * row, (starts[i + 1] ?? 150) * row));
    const read = await readApng(await encoded(animationOf(size, frames, cut)));
    for (const [i, { pixels }] of read.frames.entries()) expect(Buffer.compare(pixels, frames[i]!)).toBe(0);
  });

  it('may be black', async () => {
    const black = new Uint8Array(61 * 150 * channels);
    const read = await readApng(await encoded(animationOf(size, [black, frames[0]!, black])));
    for (const frame of [0, 2]) expect(Buffer.compare(read.frames[frame]!.pixels, black)).toBe(0);
  });
});

it('holds no frame: the rest is asked for only when what was compressed is taken', async () => {
  const row = 1000;
  const asked: number[] = [];
  const rows = function* () {
    for (let y = 0; y < 400; y++) {
      asked.push(y);
      yield noise(row, y + 1);
    }
  };
  const pieces = encodeApng({ width: row, height: 400, channels: 1, frames: [{ delayMs: 1, rows }] });
  for (let piece = 0; piece < 3; piece++) await pieces.next();
  expect(asked.length).toBeLessThan(300);
});

describe('an animation that can not be', () => {
  const size = { width: 2, height: 2, channels: 1 };
  it.each<[string, Animation]>([
    ['no frame', { ...size, frames: [] }],
    ['two channels', animationOf({ ...size, channels: 2 }, [new Uint8Array(8)])],
    ['a row too few', animationOf(size, [new Uint8Array(2)])],
    ['a row too many', animationOf(size, [new Uint8Array(6)])],
    ['half a row', animationOf(size, [new Uint8Array(3)])],
  ])('of %s is refused', async (_, animation) => {
    await expect(encoded(animation)).rejects.toThrow(RangeError);
  });
});
