import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { ModelProtoSchema, StringStringEntryProtoSchema, TensorProto_DataLocation } from 'onnx-buf';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  elements,
  GraphBuilder,
  openModel,
  parseModel,
  serializeModel,
  tensor,
} from '../../../src/onnx/graph/index.ts';
import { readModelStructure } from '../../../src/onnx/graph/open-model.ts';
import { FIXTURES } from '../fixtures.ts';

let parent: string;
let folder: string;
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'cairn-open-'));
  folder = join(parent, 'model');
  mkdirSync(folder);
});
afterEach(() => rmSync(parent, { recursive: true }));

const WEIGHTS = Float32Array.from({ length: 6000 }, (_, i) => Math.sin(i));
const BYTES = new Uint8Array(WEIGHTS.buffer);

/** y = x w, with w of 24 KB in the model. */
function inOneFile(): Uint8Array<ArrayBuffer> {
  const g = new GraphBuilder({ name: 'product' });
  const x = g.input('x', 'float32', ['N', 2]);
  g.output(g.op('MatMul', [x, g.initializer('w', tensor('float32', [2, 3000], WEIGHTS))]), 'y');
  return serializeModel(g.build());
}

/** The same with w elsewhere, as `entries` say. */
function write(entries: Readonly<Record<string, string>>, data: Uint8Array = BYTES): string {
  const proto = fromBinary(ModelProtoSchema, inOneFile());
  const [w] = proto.graph!.initializer;
  w!.rawData = new Uint8Array();
  w!.dataLocation = TensorProto_DataLocation.EXTERNAL;
  w!.externalData = Object.entries(entries).map(([key, value]) =>
    create(StringStringEntryProtoSchema, { key, value }),
  );
  const path = join(folder, 'model.onnx');
  writeFileSync(path, toBinary(ModelProtoSchema, proto));
  writeFileSync(join(folder, 'w.bin'), data);
  return path;
}

async function weightsOf(path: string): Promise<ArrayLike<unknown>> {
  using model = await openModel(path);
  return elements(model.graph.initializers.get('w')!);
}

describe('a model with weights beside it', () => {
  it('has them from where it says', async () => {
    const data = new Uint8Array(100 + BYTES.length + 50);
    data.set(BYTES, 100);
    const path = write({ location: 'w.bin', offset: '100', length: String(BYTES.length) }, data);
    expect(await weightsOf(path)).toEqual(WEIGHTS);
    using model = await openModel(path);
    expect(model.externalFiles).toEqual(['w.bin']);
    expect(model.bytes).toBe(readFileSync(path).length + data.length);
  });

  it('needs neither offset nor length, and may keep them in a folder below', async () => {
    mkdirSync(join(folder, 'weights'));
    writeFileSync(join(folder, 'weights', 'w'), BYTES);
    expect(await weightsOf(write({ location: 'weights/w' }))).toEqual(WEIGHTS);
  });

  it('gives them in order, a part at a time', async () => {
    using model = await openModel(write({ location: 'w.bin' }));
    const source = model.graph.initializers.get('w')!.source!()!;
    const parts = [new Uint8Array(10_000), new Uint8Array(source.length - 10_000)];
    for (const part of parts) source.fill(part);
    expect(Buffer.concat(parts)).toEqual(Buffer.from(BYTES));
  });

  it('is checked against its checksum', async () => {
    const checksum = createHash('sha1').update(BYTES).digest('hex');
    expect(await weightsOf(write({ location: 'w.bin', checksum }))).toEqual(WEIGHTS);
    const path = write({ location: 'w.bin', checksum: checksum.replace(/^./, 'x') });
    await expect(openModel(path)).rejects.toThrow(`w.bin has SHA-1 ${checksum}; the model says x`);
  });

  it.each([
    ['a path up', { location: '../secret' }, '"../secret"; expected a path inside the model\'s folder'],
    ['a path down and up', { location: 'a/../../secret' }, 'expected a path inside'],
    ['a path up in Windows', { location: 'a\\..\\..\\secret' }, 'expected a path inside'],
    ['an absolute path', { location: '/etc/hostname' }, 'expected a path inside'],
    ['an absolute path of Windows', { location: 'C:\\secret' }, 'expected a path inside'],
    ['a link out of the folder', { location: 'link' }, "link, a link that leads out of the model's folder"],
    ['a file that is not there', { location: 'absent' }, 'absent: there is no such file beside the model'],
    ['no location', { offset: '0' }, 'which does not say where'],
    ['an offset that is no number', { location: 'w.bin', offset: '-4' }, 'the offset "-4"'],
    [
      'the end before the weights',
      { location: 'w.bin', offset: '4' },
      'bytes 4 to 24004 of w.bin, which ends at 24000',
    ],
    [
      'another length',
      { location: 'w.bin', length: '12' },
      'constant w needs 24000 bytes of data and has 12',
    ],
  ])('is refused for %s', async (_, entries, message) => {
    writeFileSync(join(parent, 'secret'), BYTES);
    symlinkSync(join(parent, 'secret'), join(folder, 'link'));
    await expect(openModel(write(entries as Record<string, string>))).rejects.toThrow(message);
  });

  it('is refused where only its bytes are known', () => {
    expect(() => parseModel(readFileSync(write({ location: 'w.bin' })))).toThrow(
      'constant w is stored outside the model file, in w.bin',
    );
  });
});

describe('a model in one file', () => {
  it('is opened without its large weights, which are read from it when they are asked for', async () => {
    const path = join(folder, 'model.onnx');
    writeFileSync(path, inOneFile());
    expect(readModelStructure(path).length).toBeLessThan(500);
    expect(await weightsOf(path)).toEqual(WEIGHTS);
    using model = await openModel(path);
    expect(model.externalFiles).toEqual([]);
    expect(model.bytes).toBe(inOneFile().length);
  });

  it.each(['time_cnn', 'convnext', 'gap_relu6'])('is the same graph as its bytes: %s', async (name) => {
    const path = `${FIXTURES}/classifiers/${name}.onnx`;
    using model = await openModel(path);
    expect(serializeModel(model.graph)).toEqual(serializeModel(parseModel(readFileSync(path))));
  });

  it.each([
    ['text', Buffer.from('{"name": "cairn"}')],
    ['a field that is longer than the file', Buffer.from([0x3a, 0xff, 0xff, 0xff, 0xff, 0x0f])],
    ['a number without an end', Buffer.alloc(64, 0xff)],
  ])('that is none: %s', async (_, bytes) => {
    const path = join(folder, 'model.onnx');
    writeFileSync(path, bytes);
    await expect(openModel(path)).rejects.toThrow('these bytes are not an ONNX model');
  });
});
