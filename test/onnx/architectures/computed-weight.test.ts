import fc from 'fast-check';
import { expect, it } from 'vitest';
import { computedWeight, halfPrecisionSource } from '../../../src/onnx/architectures/computed-weight.ts';
import type { Weight } from '../../../src/onnx/architectures/weights.ts';
import { type ByteSource, bytesSource } from '../../../src/onnx/byte-source.ts';
import { ScratchMemory } from '../../../src/onnx/scratch-memory.ts';

/** With its bytes in order, or only as a whole. */
function weight(values: readonly number[], inOrder: boolean): Weight {
  const data = Float32Array.from(values);
  const source = () => bytesSource(new Uint8Array(data.buffer));
  return { shape: [data.length], read: () => data, ...(inOrder && { source }) };
}

function taken(source: ByteSource, pieces: readonly number[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(source.length);
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const target = bytes.subarray(at, at + pieces[turn % pieces.length]!);
    source.fill(target);
    at += target.length;
  }
  return bytes;
}

const floats = fc.array(fc.float({ noNaN: true }), { minLength: 1, maxLength: 40 });
const pieces = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 4 });

it('the bytes in order are those of the elements, whatever the memory held before', () => {
  const memory = new ScratchMemory();
  fc.assert(
    fc.property(floats, fc.boolean(), fc.boolean(), pieces, (values, first, second, sizes) => {
      const inputs = [weight(values, first), weight(values.toReversed(), second)];
      const inner = computedWeight([values.length], inputs, (target, [a, b]) => {
        for (let i = 0; i < target.length; i++) target[i] = a![i]! - 2 * b![i]!;
      });
      const outer = computedWeight([values.length], [inner, inputs[0]!], (target, [a, b]) => {
        for (let i = 0; i < target.length; i++) target[i] = a![i]! * b![i]!;
      });
      const expected = values.map((value, i) =>
        Math.fround(Math.fround(value - 2 * values.at(-1 - i)!) * value),
      );
      expect([...outer.read()]).toEqual(expected);
      const bytes = taken(outer.source!(memory)!, sizes);
      expect([...new Float32Array(bytes.buffer)]).toEqual(expected);
    }),
  );
});

it('half precision rounds each element', () => {
  const memory = new ScratchMemory();
  fc.assert(
    fc.property(floats, fc.boolean(), pieces, (values, inOrder, sizes) => {
      const bytes = taken(halfPrecisionSource(weight(values, inOrder), memory), sizes);
      expect([...new Float16Array(bytes.buffer)]).toEqual(values.map(Math.f16round));
    }),
  );
});
