import { describe, expect, it } from 'vitest';
import { Npz } from '../../src/verify/npz.ts';
import { npzBytes } from './write-npz.ts';

describe('Npz', () => {
  const npz = new Npz(
    npzBytes({ x: { shape: [2], data: Float32Array.of(1, 2) }, t: { shape: [1], data: Int32Array.of(7) } }),
    'some.npz',
  );

  it('has its arrays by name', () => {
    expect(npz.names).toEqual(['x', 't']);
    expect([npz.has('x'), npz.has('y'), npz.has('toString')]).toEqual([true, false, false]);
    expect(npz.float32('x')).toEqual(Float32Array.of(1, 2));
    expect(npz.numbers('t')).toEqual([7]);
  });

  it('names the file and the array in every error', () => {
    expect(() => npz.array('y')).toThrow('some.npz has no array "y"');
    expect(() => npz.float32('t')).toThrow('some.npz, array "t": int32 is not float32');
    expect(() => new Npz(new Uint8Array(10), 'broken.npz')).toThrow('broken.npz is not an .npz file');
  });
});
