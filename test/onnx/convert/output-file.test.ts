import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { alignedBytes, OutputFile } from '../../../src/onnx/convert/output-file.ts';

const BLOCK = 2 ** 12;

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'cairn-output-'));
});
afterEach(() => rmSync(root, { recursive: true }));

const numbered = (target: Uint8Array) => {
  for (let i = 0; i < target.length; i++) target[i] = i * 31 + (i >> 8);
  return target;
};

async function written(memory: Uint8Array, parts: readonly (readonly [start: number, length: number])[]) {
  const path = join(root, 'file');
  const file = await OutputFile.create(path);
  try {
    await Promise.all(parts.map(([start, length]) => file.write(memory.subarray(start), length, start)));
    await file.finish();
  } finally {
    await file.close();
  }
  return new Uint8Array(readFileSync(path));
}

describe('a file has exactly what was written', () => {
  const length = 3 * BLOCK + 1000;
  const inBlocks = [
    [2 * BLOCK, BLOCK + 1000],
    [0, 2 * BLOCK],
  ] as const;

  it.each([
    ['blocks of memory that begins with one, and a part of the last', alignedBytes(4 * BLOCK), inBlocks],
    // A write around the cache is refused, one through it is not.
    ['memory that begins anywhere', new Uint8Array(5 * BLOCK).subarray(1, 1 + 4 * BLOCK), inBlocks],
    [
      'parts that are no blocks',
      alignedBytes(4 * BLOCK),
      [
        [0, 100],
        [100, length - 100],
      ],
    ],
  ] as const)('%s', async (_, memory, parts) => {
    expect(await written(numbered(memory), parts)).toEqual(memory.slice(0, length));
  });
});

it('an empty file is empty', async () => {
  expect(await written(new Uint8Array(), [])).toHaveLength(0);
});

it('a file that is there is left alone', async () => {
  const first = await OutputFile.create(join(root, 'file'));
  await first.close();
  await expect(OutputFile.create(join(root, 'file'))).rejects.toThrow('EEXIST');
});
