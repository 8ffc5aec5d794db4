import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type ByteSource, bytesSource } from '../../../src/onnx/byte-source.ts';
import { DigestThread } from '../../../src/onnx/convert/digest.ts';
import { OutputFile } from '../../../src/onnx/convert/output-file.ts';
import { writeStream } from '../../../src/onnx/convert/write-stream.ts';

const BUFFER = 2 ** 22;

let root: string;
let path: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'cairn-stream-'));
  path = join(root, 'file');
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(root, { recursive: true });
});

/** Bytes of which no two buffers' worth are alike, in sources of odd sizes. */
function* sources(length: number): Generator<ByteSource> {
  for (let start = 0, size = 1; start < length; start += size, size = 3 * size + 1) {
    const part = new Uint32Array(Math.ceil(Math.min(size, length - start) / 4));
    for (let i = 0; i < part.length; i++) part[i] = Math.imul(start + i, 0x9e3779b1);
    yield bytesSource(new Uint8Array(part.buffer, 0, Math.min(size, length - start)));
  }
}

const all = (length: number) =>
  Buffer.concat(
    [...sources(length)].map((source) => {
      const bytes = new Uint8Array(source.length);
      source.fill(bytes);
      return bytes;
    }),
  );

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

/** Holds every write back a little, and counts. */
const slowWrites = () => {
  const writes = { begun: 0, ended: 0 };
  const write = OutputFile.prototype.write;
  vi.spyOn(OutputFile.prototype, 'write').mockImplementation(async function (this: OutputFile, ...args) {
    writes.begun++;
    await new Promise((resolve) => setTimeout(resolve, 20));
    await write.apply(this, args);
    writes.ended++;
  });
  return writes;
};

it.each([
  ['nothing', 0],
  ['less than a buffer', 1000],
  ['one buffer', BUFFER],
  ['more than all buffers, which are used again', 11 * BUFFER + 1],
])('writes and digests what it is given: %s', async (_, length) => {
  const expected = all(length);
  expect(await writeStream(path, sources(length))).toEqual({ bytes: length, sha256: sha256(expected) });
  expect(readFileSync(path).equals(expected)).toBe(true);
});

it('leaves a buffer alone until it is written', async () => {
  slowWrites();
  const expected = all(17 * BUFFER);
  await writeStream(path, sources(expected.length));
  expect(readFileSync(path).equals(expected)).toBe(true);
});

it('needs no thread for less than a buffer', async () => {
  const update = vi.spyOn(DigestThread.prototype, 'update');
  await writeStream(path, sources(BUFFER - 1));
  expect(update).not.toHaveBeenCalled();
});

// With one core there is no thread.
describe.skipIf(availableParallelism() === 1)('a failure in the middle', () => {
  const closed = vi.fn();
  beforeEach(() => {
    closed.mockClear();
    const close = DigestThread.prototype.close;
    vi.spyOn(DigestThread.prototype, 'close').mockImplementation(async function (this: DigestThread) {
      await close.call(this);
      closed();
    });
  });

  it('of the digest is told when no write is under way any more', async () => {
    const writes = slowWrites();
    const update = DigestThread.prototype.update;
    let calls = 0;
    vi.spyOn(DigestThread.prototype, 'update').mockImplementation(async function (this: DigestThread, bytes) {
      const updated = update.call(this, bytes);
      if (++calls === 3) await this.close();
      return updated;
    });
    await expect(writeStream(path, sources(40 * BUFFER))).rejects.toThrow(
      'the thread that digests has ended',
    );
    expect(writes.begun).toBeGreaterThan(2);
    expect(writes.begun).toBeLessThan(40);
    expect(writes.ended).toBe(writes.begun);
  });

  it('of a write ends the thread', async () => {
    const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
    const write = OutputFile.prototype.write;
    vi.spyOn(OutputFile.prototype, 'write').mockImplementation(function (this: OutputFile, ...args) {
      return args[2] >= 3 * BUFFER ? Promise.reject(full) : write.apply(this, args);
    });
    await expect(writeStream(path, sources(40 * BUFFER))).rejects.toBe(full);
    expect(closed).toHaveBeenCalledOnce();
  });

  it('of a source ends the thread, when no write is under way any more', async () => {
    const writes = slowWrites();
    const damaged = function* () {
      yield* sources(5 * BUFFER);
      throw new Error('damaged');
    };
    await expect(writeStream(path, damaged())).rejects.toThrow('damaged');
    expect(writes).toEqual({ begun: 5, ended: 5 });
    expect(closed).toHaveBeenCalledOnce();
  });

  it('by a signal ends the thread', async () => {
    const stop = new AbortController();
    const stopping = function* () {
      yield* sources(5 * BUFFER);
      stop.abort();
      yield* sources(5 * BUFFER);
    };
    await expect(writeStream(path, stopping(), stop.signal)).rejects.toThrow('aborted');
    expect(closed).toHaveBeenCalledOnce();
  });
});
