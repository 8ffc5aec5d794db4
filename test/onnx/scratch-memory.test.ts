import { expect, it } from 'vitest';
import { ScratchMemory } from '../../src/onnx/scratch-memory.ts';

it('is the same memory again for whoever asks for no more', () => {
  const memory = new ScratchMemory();
  const [small, large] = [memory.take(10), memory.take(1000)];
  memory.give(large);
  memory.give(small);
  const again = [memory.take(8), memory.take(20)] as const;
  expect(again.map(({ length }) => length)).toEqual([8, 20]);
  expect(again[0].buffer).toBe(small.buffer);
  expect(again[1].buffer).toBe(large.buffer);
});

it('is never lent twice at a time', () => {
  const memory = new ScratchMemory();
  memory.give(memory.take(100));
  expect(memory.take(100).buffer).not.toBe(memory.take(100).buffer);
});

it('keeps one piece where one is in use at a time, however large they become', () => {
  const memory = new ScratchMemory();
  for (const length of [10, 100, 1000]) memory.give(memory.take(length));
  expect(memory.take(1000).buffer.byteLength).toBe(1000);
  expect(memory.take(1).buffer.byteLength).toBe(1);
});
