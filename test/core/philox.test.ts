import { describe, expect, it } from 'vitest';
import { philox4x32 } from '../../src/core/index.ts';

function words(counter: [number, number, number, number], key: [number, number]): string[] {
  const out = new Uint32Array(4);
  philox4x32(...counter, ...key, out);
  return Array.from(out, (word) => word.toString(16).padStart(8, '0'));
}

/** Known answers that come with the authors' own implementation (Random123). */
describe('philox4x32', () => {
  it('gives the known answer for zeros', () => {
    expect(words([0, 0, 0, 0], [0, 0])).toEqual(['6627e8d5', 'e169c58d', 'bc57ac4c', '9b00dbd8']);
  });

  it('gives the known answer for ones', () => {
    const ones = 0xffffffff;
    expect(words([ones, ones, ones, ones], [ones, ones])).toEqual([
      '408f276d',
      '41c83b0e',
      'a20bc7c6',
      '6d5451fd',
    ]);
  });

  it('gives the known answer for the digits of pi', () => {
    const answer = words([0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], [0xa4093822, 0x299f31d0]);
    expect(answer).toEqual(['d16cfe09', '94fdcceb', '5001e420', '24126ea1']);
  });
});
