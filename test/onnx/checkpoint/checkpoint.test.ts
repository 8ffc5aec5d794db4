import { existsSync, readFileSync, rmSync } from 'node:fs';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { unzipSync, zipSync } from 'fflate';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ByteSource } from '../../../src/onnx/byte-source.ts';
import { CheckpointError, openCheckpoint } from '../../../src/onnx/checkpoint/checkpoint.ts';
import { toFloat32 } from '../../../src/onnx/checkpoint/dtype.ts';
import { checkpointPath, readNpz } from '../fixtures.ts';

interface ZooTensor {
  name: string;
  dtype: string;
  shape: number[];
}
const zoo: ZooTensor[] = JSON.parse(readFileSync(checkpointPath('tensor_zoo.json'), 'utf8'));
const values = readNpz('checkpoints/tensor_zoo_values.npz');

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cairn-checkpoint-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

describe.each(['tensor_zoo.pt', 'tensor_zoo_legacy.pt'])('%s', (file) => {
  it('has every tensor with its type and shape', async () => {
    await using checkpoint = await openCheckpoint(checkpointPath(file));
    const found = [...checkpoint.tensors].map(([name, { dtype, shape }]) => ({ name, dtype, shape }));
    expect(found).toEqual(zoo.map(({ name, dtype, shape }) => ({ name, dtype, shape })));
  });

  it.each(zoo.map(({ name }) => name))('reads the values of %s', async (name) => {
    await using checkpoint = await openCheckpoint(checkpointPath(file));
    const read = Array.from(checkpoint.tensors.get(name)!.read() as Iterable<number | bigint>, Number);
    expect(read).toEqual(values.numbers(name));
  });

  it('gives the same bytes in order, a part at a time, where they lie in row-major order', async () => {
    await using checkpoint = await openCheckpoint(checkpointPath(file));
    let given = 0;
    for (const [name, tensor] of checkpoint.tensors) {
      const source = tensor.source();
      // bfloat16 is widened when it is read.
      if (source === undefined || tensor.dtype === 'bfloat16') continue;
      const bytes = drain(source, 7);
      const { buffer, byteOffset, byteLength } = tensor.read();
      expect([name, bytes]).toEqual([name, Buffer.from(buffer, byteOffset, byteLength)]);
      given++;
    }
    expect(given).toBeGreaterThan(8);
    expect(given).toBeLessThan(checkpoint.tensors.size);
  });
});

describe.each(['unsigned.pt', 'unsigned_legacy.pt', 'unsigned.safetensors'])('%s', (file) => {
  it('has integers without a sign, which PyTorch stores as bytes', async () => {
    await using checkpoint = await openCheckpoint(checkpointPath(file));
    const read = (name: string) => {
      const { dtype, shape, read } = checkpoint.tensors.get(name)!;
      return [dtype, shape, [...read()]];
    };
    expect(read('uint16')).toEqual(['uint16', [2, 3], [1, 2, 3, 40_000, 5, 65_535]]);
    expect(read('view')).toEqual(['uint16', [2, 2], [2, 5, 3, 65_535]]);
    expect(read('uint32')).toEqual(['uint32', [2], [7, 4_294_967_295]]);
    expect(read('uint64')).toEqual(['uint64', [2], [9n, 2n ** 53n]]);
    expect(read('float32')).toEqual(['float32', [1], [0.5]]);
    expect(toFloat32(checkpoint.tensors.get('uint64')!.read())).toEqual(Float32Array.of(9, 2 ** 53));
  });
});

it('refuses values that are not those of the storage, and storages of another byte order', async () => {
  const withRecord = async (name: string, content: Buffer) => {
    const records = unzipSync(readFileSync(checkpointPath('unsigned.pt')));
    const path = join(folder, 'changed.pt');
    await writeFile(path, zipSync({ ...records, [`unsigned/${name}`]: content }, { level: 0 }));
    return openCheckpoint(path);
  };
  await expect(withRecord('byteorder', Buffer.from('big'))).rejects.toThrow(
    'a checkpoint written on a big-endian machine',
  );
  await expect(withRecord('data.pkl', Buffer.from(NEGATED, 'latin1'))).rejects.toThrow(
    'marked as negated or conjugated',
  );
});

/** {'a': a tensor of one float32 that is marked {'neg': True}}, in the text form of pickles. */
const NEGATED =
  '\x80\x02}U\x01actorch._utils\n_rebuild_tensor_v2\n((U\x07storagectorch\nFloatStorage\nU\x010U\x03cpuK\x01tQ' +
  'K\x00K\x01\x85K\x01\x85\x89ccollections\nOrderedDict\n)R}U\x03neg\x88stRs.';

/** What `torch.save` writes under a path whose file is called so: a zip file that has zip64's records besides. */
function savedAs(name: string): Buffer {
  const records = unzipSync(readFileSync(checkpointPath('tensor_zoo.pt')));
  const renamed = Object.entries(records).map(([path, data]) => [path.replace(/^[^/]+/, name), data]);
  const zip = Buffer.from(zipSync(Object.fromEntries(renamed), { level: 0 }));
  const [rest, end] = [zip.subarray(0, -22), zip.subarray(-22)];
  const zip64 = Buffer.alloc(56);
  zip64.writeUInt32LE(0x06064b50, 0);
  zip64.writeBigUInt64LE(44n, 4);
  for (const at of [24, 32]) zip64.writeBigUInt64LE(BigInt(end.readUInt16LE(10)), at);
  zip64.writeBigUInt64LE(BigInt(end.readUInt32LE(12)), 40);
  zip64.writeBigUInt64LE(BigInt(end.readUInt32LE(16)), 48);
  const locator = Buffer.alloc(20);
  locator.writeUInt32LE(0x07064b50, 0);
  locator.writeBigUInt64LE(BigInt(rest.length), 8);
  locator.writeUInt32LE(1, 16);
  return Buffer.concat([rest, zip64, locator, end]);
}

it('reads a zip file of any name: the zip library takes an entry of 76 bytes for the directory', async () => {
  for (let length = 1; length <= 40; length++) {
    const path = join(folder, 'named.pt');
    await writeFile(path, savedAs('n'.repeat(length)));
    await using checkpoint = await openCheckpoint(path);
    expect([length, checkpoint.tensors.size]).toEqual([length, zoo.length]);
    const [first] = zoo;
    expect(Array.from(checkpoint.tensors.get(first!.name)!.read(), Number)).toEqual(
      values.numbers(first!.name),
    );
  }
});

/** All of a source, in parts of `size` bytes. */
function drain(source: ByteSource, size: number): Buffer {
  const bytes = Buffer.alloc(source.length);
  for (let at = 0; at < bytes.length; at += size) source.fill(bytes.subarray(at, at + size));
  return bytes;
}

it('gives no bytes in order to the end of a record whose checksum does not match', async () => {
  const file = readFileSync(checkpointPath('unet_a3.pt'));
  const path = join(folder, 'flipped.pt');
  // In the middle of the file there are weights.
  file[file.length >> 1]! ^= 1;
  await writeFile(path, file);
  await using checkpoint = await openCheckpoint(path);
  const refusals = [...checkpoint.tensors].flatMap(([name, tensor]) => {
    try {
      drain(tensor.source()!, 1000);
      return [];
    } catch (error) {
      expect(error).toBeInstanceOf(CheckpointError);
      return [(error as Error).message.replace(name, 'NAME')];
    }
  });
  expect(refusals).toEqual([
    expect.stringMatching(/: tensor NAME: record .* is damaged: its checksum does not match$/),
  ]);
});

describe('a malicious file', () => {
  const marker = '/tmp/pwned-marker';

  it.each([
    ['malicious.pt', 'os.system'],
    ['malicious_zip.pt', 'posix.system'],
    ['malicious_legacy.pt', 'posix.system'],
  ])('%s is refused by the name of its global, and nothing runs', async (file, global) => {
    rmSync(marker, { force: true });
    await expect(openCheckpoint(checkpointPath(file))).rejects.toThrow(`Python global ${global}`);
    expect(existsSync(marker)).toBe(false);
  });
});

describe('a damaged file', () => {
  const opened = async (bytes: Uint8Array): Promise<string | undefined> => {
    const path = join(folder, 'damaged.pt');
    await writeFile(path, bytes);
    try {
      await using checkpoint = await openCheckpoint(path);
      for (const tensor of checkpoint.tensors.values()) tensor.read();
      return undefined;
    } catch (error) {
      expect(error).toBeInstanceOf(CheckpointError);
      return (error as Error).message;
    }
  };

  it('gives one line that names the file when it is truncated', async () => {
    const path = checkpointPath('truncated.pt');
    const message = await openCheckpoint(path).catch((error: Error) => error.message);
    expect(message).toMatch(/^[^\n]*: a damaged or truncated zip file [^\n]*$/);
    expect(message).toContain(path);
  });

  it('is caught by its checksum when weights are changed', async () => {
    const bytes = readFileSync(checkpointPath('tensor_zoo.pt'));
    const first = values.array('f64').data.slice();
    const at = bytes.indexOf(new Uint8Array(first.buffer, first.byteOffset, first.byteLength));
    bytes[at]! ^= 1;
    expect(await opened(bytes)).toMatch(/tensor f64: record .*data\/0 is damaged/);
  });

  it.each(['tensor_zoo.pt', 'tensor_zoo_legacy.pt'])(
    'never ends in anything but a checkpoint or a CheckpointError (%s)',
    async (file) => {
      const original = readFileSync(checkpointPath(file));
      const change = fc.tuple(fc.nat(original.length - 1), fc.integer({ min: 0, max: 255 }));
      const changes = fc.array(change, { minLength: 1, maxLength: 4 });
      await fc.assert(
        fc.asyncProperty(changes, fc.nat(original.length), async (bytes, cut) => {
          const mutated = Uint8Array.from(original.subarray(0, cut % 3 === 0 ? cut : original.length));
          for (const [offset, value] of bytes) if (offset < mutated.length) mutated[offset] = value;
          await opened(mutated);
        }),
        { numRuns: 300, seed: 7 },
      );
    },
  );

  it('is no checkpoint if it is a text, a folder or absent', async () => {
    expect(await opened(new TextEncoder().encode('weights'))).toContain('not a PyTorch checkpoint');
    await expect(openCheckpoint(folder)).rejects.toThrow(CheckpointError);
    await expect(openCheckpoint(join(folder, 'absent.pt'))).rejects.toThrow(
      /absent\.pt: there is no such file/,
    );
  });
});
