/** Writes checkpoints of random weights in PyTorch's zip layout, of any size, a tensor at a time. */
import { closeSync, openSync, writeSync } from 'node:fs';
import { crc32 } from 'node:zlib';

type Shapes = ReadonlyMap<string, readonly number[]>;

/** As torch.save writes a state dict of float32 tensors. */
export function writeTorchCheckpoint(path: string, shapes: Shapes, seed = 1): void {
  const zip = new StoredZip(path);
  try {
    zip.add('archive/data.pkl', pickleStateDict(shapes));
    const random = randomBlock(seed);
    for (const [index, shape] of [...shapes.values()].entries()) {
      zip.add(`archive/data/${index}`, weights(shape, random, index));
    }
    zip.add('archive/version', new TextEncoder().encode('3\n'));
    zip.finish();
  } finally {
    zip.close();
  }
}

const BLOCK = 2 ** 20;

/** Uniform in [-1, 1), by xorshift. */
function randomBlock(seed: number): Float32Array {
  let state = seed | 1;
  return Float32Array.from({ length: BLOCK }, () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state / 2 ** 31;
  });
}

/** Matrices and kernels are scaled by their fan-in, so that a network of them neither fades nor explodes. */
function weights(shape: readonly number[], random: Float32Array, index: number): Uint8Array {
  const data = new Float32Array(shape.reduce((product, size) => product * size, 1));
  for (let start = 0, from = (index * 7919) % BLOCK; start < data.length; from = 0) {
    const part = random.subarray(from, Math.min(BLOCK, from + data.length - start));
    data.set(part, start);
    start += part.length;
  }
  const scale = shape.length > 1 ? Math.sqrt(3 / shape.slice(1).reduce((a, b) => a * b, 1)) : 0.5;
  for (let i = 0; i < data.length; i++) data[i]! *= scale;
  return new Uint8Array(data.buffer);
}

/** Pickle protocol 2. */
function pickleStateDict(shapes: Shapes): Uint8Array {
  const parts: Uint8Array[] = [];
  const text = (value: string) => parts.push(Buffer.from(value, 'latin1'));
  const number = (opcode: string, value: number) => {
    const bytes = Buffer.alloc(5);
    bytes.write(opcode, 'latin1');
    bytes.writeUInt32LE(value, 1);
    parts.push(bytes);
  };
  const string = (value: string) => {
    number('X', value.length);
    text(value);
  };
  const sizes = (values: readonly number[]) => {
    text('(');
    for (const value of values) number('J', value);
    text('t');
  };
  text('\x80\x02ccollections\nOrderedDict\n)R(');
  for (const [index, [name, shape]] of [...shapes].entries()) {
    string(name);
    text('ctorch._utils\n_rebuild_tensor_v2\n((');
    string('storage');
    text('ctorch\nFloatStorage\n');
    string(String(index));
    string('cpu');
    number(
      'J',
      shape.reduce((product, size) => product * size, 1),
    );
    text('tQ');
    number('J', 0);
    sizes(shape);
    sizes(shape.map((_, axis) => shape.slice(axis + 1).reduce((product, size) => product * size, 1)));
    text('\x89ccollections\nOrderedDict\n)RtR');
  }
  text('u.');
  return Buffer.concat(parts);
}

/** A zip file of stored records (below 4 GB). */
class StoredZip {
  readonly #file: number;
  readonly #directory: Uint8Array[] = [];
  #position = 0;

  constructor(path: string) {
    this.#file = openSync(path, 'w');
  }

  add(name: string, bytes: Uint8Array): void {
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt32LE(crc32(bytes), 10);
    common.writeUInt32LE(bytes.length, 14);
    common.writeUInt32LE(bytes.length, 18);
    common.writeUInt16LE(name.length, 22);
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE(this.#position, 10);
    this.#directory.push(Buffer.from('PK\x01\x02\x14\x00', 'latin1'), common, tail, Buffer.from(name));
    this.#write(Buffer.concat([Buffer.from('PK\x03\x04', 'latin1'), common, Buffer.from(name)]));
    this.#write(bytes);
  }

  finish(): void {
    const directory = Buffer.concat(this.#directory);
    const end = Buffer.alloc(22);
    end.write('PK\x05\x06', 'latin1');
    end.writeUInt16LE(this.#directory.length / 4, 8);
    end.writeUInt16LE(this.#directory.length / 4, 10);
    end.writeUInt32LE(directory.length, 12);
    end.writeUInt32LE(this.#position, 16);
    this.#write(directory);
    this.#write(end);
  }

  close(): void {
    closeSync(this.#file);
  }

  #write(bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length; ) done += writeSync(this.#file, bytes, done);
    this.#position += bytes.length;
  }
}
