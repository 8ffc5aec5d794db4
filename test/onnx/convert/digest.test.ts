import { createHash } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import { type Digest, DigestThread, digestHere } from '../../../src/onnx/convert/digest.ts';

let open: Digest | undefined;
afterEach(() => open?.close());

const shared = (length: number, fill: number) => new Uint8Array(new SharedArrayBuffer(length)).fill(fill);

describe.each([
  ['here', digestHere],
  ['in a thread', () => new DigestThread()],
])('SHA-256 %s', (_, create) => {
  it('is of the bytes in the order in which they were given', async () => {
    open = create();
    const parts = [shared(2 ** 20, 1), shared(3, 2), new Uint8Array(5), shared(2 ** 20, 3)];
    // Without waiting for one before the next.
    await Promise.all(parts.map((part) => open!.update(part)));
    const expected = createHash('sha256');
    for (const part of parts) expected.update(part);
    expect(await open.digest()).toBe(expected.digest('hex'));
  });

  it('is that of nothing without any', async () => {
    open = create();
    expect(await open.digest()).toBe(createHash('sha256').digest('hex'));
  });
});

describe('a thread that ends early', () => {
  it('fails who waits for it, and who asks later', async () => {
    const thread = new DigestThread();
    // More than it can digest before it ends.
    const large = shared(2 ** 26, 1);
    const waiting = Array.from({ length: 10 }, () => thread.update(large));
    const settled = Promise.allSettled(waiting);
    await thread.close();
    expect((await settled).at(-1)).toMatchObject({ status: 'rejected' });
    await expect(thread.update(shared(1, 1))).rejects.toThrow('the thread that digests has ended');
    await expect(thread.digest()).rejects.toThrow('the thread that digests has ended');
  });

  it('says why, if it broke', async () => {
    open = new DigestThread();
    await open.digest();
    await expect(open.update(shared(1, 1))).rejects.toThrow('Digest already called');
  });
});
