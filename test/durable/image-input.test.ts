import { encode } from 'fast-png';
import { zlibSync } from 'fflate';
import { describe, expect, it } from 'vitest';
import { ImageInputError, pngToTensor } from '../../src/durable/image-input.ts';

const GREY = { channels: 1, height: 2, width: 2 };
const RGB = { ...GREY, channels: 3 };
const png = (channels: number, data: number[], depth: 8 | 16 = 8) =>
  encode({
    width: 2,
    height: 2,
    channels,
    depth,
    data: depth === 8 ? Uint8Array.from(data) : Uint16Array.from(data),
  });

/** CRC-32 of PNG, section 5.5. */
function crc(bytes: Uint8Array): number {
  let c = ~0;
  for (const byte of bytes) {
    c ^= byte;
    for (let k = 0; k < 8; k++) c = c & 1 ? (c >>> 1) ^ 0xedb88320 : c >>> 1;
  }
  return ~c >>> 0;
}

function chunk(type: string, data: Uint8Array): number[] {
  const body = [...new TextEncoder().encode(type), ...data];
  const word = (n: number) => [n >>> 24, (n >>> 16) & 255, (n >>> 8) & 255, n & 255];
  return [...word(data.length), ...body, ...word(crc(Uint8Array.from(body)))];
}

/** A PNG by hand, of kinds that encoders rarely write. */
function raw(colourType: number, depth: number, rows: number[], extra: number[] = []): Uint8Array {
  const header = Uint8Array.of(0, 0, 0, 2, 0, 0, 0, 2, depth, colourType, 0, 0, 0);
  const pixels = zlibSync(Uint8Array.from(rows));
  const signature = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
  return Uint8Array.from([
    ...signature,
    ...chunk('IHDR', header),
    ...extra,
    ...chunk('IDAT', pixels),
    ...chunk('IEND', new Uint8Array()),
  ]);
}

describe('an image', () => {
  it('goes from black to white as -1 to 1', () => {
    expect([...pngToTensor(png(1, [0, 255, 51, 204]), GREY)]).toEqual(
      [-1, 1, -0.6, 0.6].map((value) => expect.closeTo(value, 6)),
    );
  });
  it('keeps the precision of 16 bits', () => {
    expect(pngToTensor(png(1, [0, 65535, 32768, 1], 16), GREY)[2]).toBeCloseTo(1 / 65535, 9);
  });
  it('has its planes one after the other', () => {
    const x = pngToTensor(png(3, [255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255]), RGB);
    expect([...x]).toEqual([1, -1, -1, 1, -1, 1, -1, 1, -1, -1, 1, 1]);
  });
  it('of colours becomes grey by its luma, and grey becomes colour', () => {
    const x = pngToTensor(png(3, [255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255]), GREY);
    expect([...x].map((value) => (value + 1) / 2)).toEqual(
      [0.299, 0.587, 0.114, 1].map((value) => expect.closeTo(value, 5)),
    );
    expect([...pngToTensor(png(1, [0, 255, 0, 255]), RGB)]).toEqual([
      -1, 1, -1, 1, -1, 1, -1, 1, -1, 1, -1, 1,
    ]);
  });
  it('may have an alpha channel that hides nothing', () => {
    expect([...pngToTensor(png(2, [0, 255, 255, 255, 0, 255, 255, 255]), GREY)]).toEqual([-1, 1, -1, 1]);
    expect(() => pngToTensor(png(2, [0, 255, 255, 254, 0, 255, 255, 255]), GREY)).toThrow('transparent');
  });
  it('may have few bits, or a palette', () => {
    expect([...pngToTensor(raw(0, 1, [0, 0b01000000, 0, 0b10000000]), GREY)]).toEqual([-1, 1, 1, -1]);
    const palette = chunk('PLTE', Uint8Array.of(0, 0, 0, 255, 255, 255));
    expect([...pngToTensor(raw(3, 8, [0, 0, 1, 0, 1, 0], palette), GREY)].map(Math.round)).toEqual([
      -1, 1, 1, -1,
    ]);
    expect(
      [...pngToTensor(raw(3, 1, [0, 0b01000000, 0, 0b10000000], palette), GREY)].map(Math.round),
    ).toEqual([-1, 1, 1, -1]);
  });
});

describe('is refused, and said why:', () => {
  const good = png(1, [0, 1, 2, 3]);
  it.each([
    ['nothing', new Uint8Array(), 'expected a PNG'],
    ['a part of a PNG', good.slice(0, good.length - 20), 'cut short'],
    ['a chunk that is longer than the file', good.with(8, 0x7f), 'cut short'],
    [
      'another size',
      encode({ width: 1, height: 4, channels: 1, depth: 8, data: new Uint8Array(4) }),
      '1 x 4',
    ],
    ['a colour type that is none', raw(5, 8, [0, 0, 0, 0]), 'colour type 5'],
    ['pixels that do not inflate', good.with(43, good[43]! ^ 255), "can't be"],
    ['fewer pixels than its size has', raw(0, 8, [0, 1]), ''],
    ['a bomb', raw(0, 8, new Array(5_000_000).fill(0)), 'more than the pixels of its size'],
    ['a palette that is not there', raw(3, 8, [0, 0, 1, 0, 1, 0]), ''],
    [
      'a colour outside the palette',
      raw(3, 8, [0, 0, 9, 0, 1, 0], chunk('PLTE', Uint8Array.of(0, 0, 0))),
      '',
    ],
  ])('%s', (_name, bytes, message) => {
    expect(() => pngToTensor(bytes, GREY)).toThrow(ImageInputError);
    expect(() => pngToTensor(bytes, GREY)).toThrow(message);
  });

  it('whatever single byte is damaged, or the image is still one', () => {
    for (let at = 0; at < good.length; at++) {
      for (const bit of [1, 16, 128]) {
        try {
          expect(pngToTensor(good.with(at, good[at]! ^ bit), GREY)).toHaveLength(4);
        } catch (error) {
          expect(error).toBeInstanceOf(ImageInputError);
        }
      }
    }
  });
});
