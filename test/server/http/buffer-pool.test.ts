import { expect, test } from 'vitest';
import { BufferPool } from '../../../src/server/http/buffer-pool.ts';

const MIB = 2 ** 20;

test('memory that was given back is taken again for a body of about its size', () => {
  const pool = new BufferPool(64 * MIB);
  const buffer = pool.take(3 * MIB);
  expect(buffer.byteLength).toBeGreaterThanOrEqual(3 * MIB);
  pool.give(buffer);
  expect(pool.take(MIB)).not.toBe(buffer);
  expect(pool.take(2.5 * MIB)).toBe(buffer);
  expect(pool.take(2.5 * MIB)).not.toBe(buffer);
});

test('memory that is not from the pool is not kept, whatever its size: it would fill up with what nobody takes', () => {
  const pool = new BufferPool(64 * MIB);
  for (const bytes of [3 * MIB, 4 * MIB]) {
    const foreign = new ArrayBuffer(bytes);
    pool.give(foreign);
    expect(pool.take(bytes)).not.toBe(foreign);
  }
});

test('memory that is given back twice is kept once', () => {
  const pool = new BufferPool(64 * MIB);
  const buffer = pool.take(MIB);
  pool.give(buffer);
  pool.give(buffer);
  expect(pool.take(MIB)).toBe(buffer);
  expect(pool.take(MIB)).not.toBe(buffer);
});

test('no more is kept than it may, and nothing small', () => {
  const pool = new BufferPool(4 * MIB);
  const [first, second] = [pool.take(4 * MIB), pool.take(4 * MIB)];
  pool.give(first);
  pool.give(second);
  expect(pool.take(4 * MIB)).toBe(first);
  expect(pool.take(4 * MIB)).not.toBe(second);
  const small = pool.take(1000);
  pool.give(small);
  expect(pool.take(1000)).not.toBe(small);
});
