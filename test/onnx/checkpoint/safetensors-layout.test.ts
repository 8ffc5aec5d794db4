import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CheckpointError, openCheckpoint } from '../../../src/onnx/checkpoint/checkpoint.ts';
import { checkpointPath } from '../fixtures.ts';

let root: string;
let path: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'cairn-safetensors-'));
  path = join(root, 'model.safetensors');
});
afterEach(() => rmSync(root, { recursive: true }));

function fileOf(header: unknown, data: Uint8Array, padding = 0): Buffer {
  const text = typeof header === 'string' ? header : JSON.stringify(header);
  const json = Buffer.from(text.padEnd(text.length + padding));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json, data]);
}

async function read(bytes: Uint8Array): Promise<Record<string, readonly unknown[]>> {
  writeFileSync(path, bytes);
  await using checkpoint = await openCheckpoint(path);
  return Object.fromEntries(
    [...checkpoint.tensors].map(([name, tensor]) => [
      name,
      [tensor.dtype, tensor.shape, [...(tensor.read() as Iterable<number | bigint>)]],
    ]),
  );
}

const halves = new Uint8Array(Float16Array.of(1.5, -2).buffer);
const small = {
  __metadata__: { format: 'pt' },
  b: { dtype: 'F16', shape: [2, 1], data_offsets: [0, 4] },
  a: { dtype: 'I8', shape: [3], data_offsets: [4, 7] },
  empty: { dtype: 'F32', shape: [0, 3], data_offsets: [7, 7] },
  scalar: { dtype: 'BOOL', shape: [], data_offsets: [7, 8] },
};
const data = Buffer.concat([halves, Uint8Array.of(1, 255, 7), Uint8Array.of(1)]);

it('reads every tensor at odd places, the empty and the 0-d too', async () => {
  expect(await read(fileOf(small, data))).toEqual({
    b: ['float16', [2, 1], [1.5, -2]],
    a: ['int8', [3], [1, -1, 7]],
    empty: ['float32', [0, 3], []],
    scalar: ['bool', [], [1]],
  });
});

it('is not mistaken for a pickle or a zip file by the length of its header', async () => {
  for (const start of [0x80, 0x4b50]) {
    const length = JSON.stringify(small).length;
    const padding = start > 0xff ? start - length : (start - (length % 256) + 256) % 256;
    const bytes = fileOf(small, data, padding);
    expect(bytes[0]).toBe(start & 0xff);
    expect(Object.keys(await read(bytes))).toHaveLength(4);
  }
});

it('gives the same tensors as the PyTorch file they came from', async () => {
  await using torch = await openCheckpoint(checkpointPath('tiny_a.pt'));
  let position = 0;
  const header: Record<string, unknown> = {};
  const parts: Uint8Array[] = [];
  for (const [name, tensor] of torch.tensors) {
    const elements = tensor.read();
    parts.push(new Uint8Array(elements.buffer as ArrayBuffer, elements.byteOffset, elements.byteLength));
    header[name] = {
      dtype: 'F32',
      shape: tensor.shape,
      data_offsets: [position, position + elements.byteLength],
    };
    position += elements.byteLength;
  }
  writeFileSync(path, fileOf(header, Buffer.concat(parts)));
  await using safe = await openCheckpoint(path);
  expect([...safe.tensors.keys()]).toEqual([...torch.tensors.keys()]);
  for (const [name, tensor] of torch.tensors) expect(safe.tensors.get(name)!.read()).toEqual(tensor.read());
});

describe('refuses', () => {
  const one = (entry: object) => ({ x: { dtype: 'F32', shape: [1], data_offsets: [0, 4], ...entry } });
  it.each<[string, unknown, number, RegExp]>([
    ['an unknown type', one({ dtype: 'F8_E4M3' }), 4, /tensor x has type F8_E4M3; expected one of F64/],
    ['a name of an object', one({ dtype: 'constructor' }), 4, /tensor x has type constructor/],
    ['a size that does not fit', one({ shape: [2] }), 4, /tensor x \[2\] of F32 needs 8 bytes and has 4/],
    ['a negative size', one({ shape: [-1] }), 4, /tensor x in the header: shape\.0/],
    ['a field that is not known', one({ more: 1 }), 4, /tensor x in the header: .*more/],
    ['a hole', one({ data_offsets: [4, 8] }), 8, /tensor x starts at byte 4 of the data; expected 0/],
    ['an overlap', { ...one({}), y: { dtype: 'F32', shape: [1], data_offsets: [2, 6] } }, 6, /expected 4/],
    ['bytes that belong to no tensor', one({}), 5, /end at byte 4 of the data, which has 5/],
    ['data cut short', one({}), 3, /end at byte 4 of the data, which has 3/],
    ['a header that is not JSON', '{"x": ', 0, /header that is not JSON/],
  ])('%s', async (_, header, bytes, message) => {
    await expect(read(fileOf(header, new Uint8Array(bytes)))).rejects.toThrow(message);
  });

  it('any damage with one line, never a crash', async () => {
    const whole = fileOf(small, data);
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.length - 1), fc.nat(255), fc.nat(whole.length), async (at, byte, end) => {
        const bytes = Buffer.from(whole.subarray(0, Math.max(end, at + 1)));
        bytes[at] = byte;
        try {
          await read(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(CheckpointError);
          expect((error as Error).message).toMatch(/^[^\n]*model\.safetensors: [^\n]*$/);
        }
      }),
      { numRuns: 500 },
    );
  });
});

it('refuses a tensor of more axes than PyTorch has, however long its shape', async () => {
  const shape = Array.from({ length: 200_000 }, () => 1);
  const header = { a: { dtype: 'I8', shape, data_offsets: [0, 1] } };
  await expect(read(fileOf(header, Uint8Array.of(1)))).rejects.toThrow(/tensor a in the header: shape: /);
}, 5_000);
