import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { type ModelProto, ModelProtoSchema, NodeProtoSchema, TensorProto_DataLocation } from 'onnx-buf';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GraphBuilder, serializeModel } from '../../../src/onnx/graph/index.ts';
import { inspectFile } from '../../../src/onnx/inspect/inspect-file.ts';
import { checkpointPath, FIXTURES } from '../fixtures.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'cairn-inspect-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const written = (name: string, content: Uint8Array | string): string => {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
};

describe('a checkpoint', () => {
  it('of a U-Net: its class, what its shapes determine, and what they do not', async () => {
    expect(await inspectFile(checkpointPath('unet_a3.pt'))).toMatchObject({
      format: 'PyTorch checkpoint (zip)',
      kind: 'UNetModel',
      bytes: 1_822_619,
      sha256: 'd04e7f3846f9bca478d7a543b071debe56acf55672ab2a64a653f6b4ca9d5140',
      parameters: 439_042,
      tensors: 179,
      dtypes: { float32: 179 },
      options: { in_channels: 1, model_channels: 32, out_channels: 2, channel_mult: [1, 1], num_classes: 7 },
      undetermined: ['image_size', 'num_heads or num_head_channels', 'use_new_attention_order'],
    });
  });

  it('of a noisy classifier: its pool', async () => {
    const found = await inspectFile(checkpointPath('tiny_a.pt'));
    expect(found).toMatchObject({ kind: 'EncoderUNetModel', options: { pool: 'adaptive', out_channels: 5 } });
  });

  it('that may be a super-resolution model: both classes, and what that means for the channels', async () => {
    const found = await inspectFile(checkpointPath('superres_a1.pt'));
    expect(found).toMatchObject({ kind: 'SuperResModel or UNetModel' });
    expect(found).toHaveProperty('undetermined.0', 'kind (SuperResModel: in_channels 3)');
  });

  it('in safetensors form, also if its length looks like the first bytes of a zip file', async () => {
    const header = JSON.stringify({ a: { dtype: 'F32', shape: [2], data_offsets: [0, 8] } });
    const length = Buffer.alloc(8);
    length.writeUInt16LE(0x4b50);
    const file = Buffer.concat([length, Buffer.from(header.padEnd(0x4b50)), new Uint8Array(8)]);
    expect(await inspectFile(written('a.safetensors', file))).toMatchObject({
      format: 'safetensors',
      kind: 'state dict',
      parameters: 2,
    });
  });

  it('of anything else: its tensors, and why it is none of the networks', async () => {
    expect(await inspectFile(checkpointPath('tensor_zoo_legacy.pt'))).toMatchObject({
      format: 'PyTorch checkpoint (legacy)',
      kind: 'state dict',
      tensors: 19,
      dtypes: { float32: 10, bfloat16: 1, bool: 1 },
      reason: 'not a network of guided diffusion: it has no time_embed.0.weight',
    });
  });
});

describe('an ONNX model', () => {
  it('of a classifier: producer, operator set, inputs, outputs, operators', async () => {
    expect(await inspectFile(`${FIXTURES}/classifiers/time_cnn.onnx`)).toMatchObject({
      format: 'ONNX',
      kind: 'classifier of noisy images',
      producer: 'pytorch 1.13.0',
      opsets: { 'ai.onnx': 14 },
      inputs: [
        { name: 'image', type: 'float32', shape: ['N', 3, 20, 20] },
        { name: 'timestep', type: 'float32', shape: ['N'] },
      ],
      outputs: [{ name: 'logits', type: 'float32', shape: ['N', 10] }],
      operators: { Unsqueeze: 3, Conv: 2, Gemm: 2, Tanh: 1 },
    });
  });

  it.each([
    ['models/mnist-32/diffusion.onnx', 'diffusion model'],
    ['models/mnist-32/gradient.onnx', "gradient of a classifier's log-probabilities"],
    ['models/mnist-32/classifier.onnx', 'classifier of noisy images'],
    ['test/fixtures/onnx/classifiers/convnext.onnx', 'classifier'],
  ])('%s is a %s', async (path, kind) => {
    expect(await inspectFile(path)).toMatchObject({ kind });
  });

  /** y = x + w, changed afterwards. */
  const model = (change: (model: ModelProto) => void): Uint8Array => {
    const g = new GraphBuilder({ name: 'sum' });
    g.output(g.op('Add', [g.input('x', 'float32', ['N', 2]), g.constant([1, 2])]), 'y');
    const proto = fromBinary(ModelProtoSchema, serializeModel(g.build()) as Uint8Array<ArrayBuffer>);
    change(proto);
    return toBinary(ModelProtoSchema, proto);
  };

  it('with an operator of another domain is described as well', async () => {
    const path = written(
      'foreign.onnx',
      model(({ graph }) => {
        graph!.node.push(create(NodeProtoSchema, { opType: 'Fused', domain: 'com.acme', output: ['z'] }));
      }),
    );
    expect(await inspectFile(path)).toMatchObject({
      kind: 'model',
      parameters: 2,
      operators: { Add: 1, 'com.acme.Fused': 1 },
    });
  });

  it('that Cairn can not compute with: what it is, and why not', async () => {
    const path = written(
      'external.onnx',
      model(({ graph }) => {
        const [weight] = graph!.initializer;
        weight!.dataLocation = TensorProto_DataLocation.EXTERNAL;
        weight!.externalData = [
          { $typeName: 'onnx.StringStringEntryProto', key: 'location', value: 'w.bin' },
        ];
      }),
    );
    expect(await inspectFile(path)).toMatchObject({
      externalData: [{ file: 'w.bin' }],
      parameters: 2,
      unsupported: expect.stringContaining('stored in w.bin: there is no such file'),
    });
  });
});

describe('anything else is one line that starts with the path', () => {
  it.each([
    ['notes.txt', 'meeting at nine\n', 'neither a checkpoint nor an ONNX model'],
    ['empty.pt', '', 'the file is empty'],
    ['zeros.onnx', new Uint8Array(64), 'neither a checkpoint nor an ONNX model'],
    ['archive.pt', 'PK\x03\x04 and so on', 'a damaged or truncated zip file'],
  ])('%s', async (name, content, reason) => {
    const path = written(name, content);
    const error = await inspectFile(path).catch((thrown: Error) => thrown);
    expect(error).toBeInstanceOf(Error);
    expect((error as Error).message.startsWith(`${path}: ${reason}`)).toBe(true);
    expect((error as Error).message).not.toContain('\n');
  });

  it('a file that is not there, and a folder', async () => {
    await expect(inspectFile(join(folder, 'absent'))).rejects.toThrow(/absent: there is no such file$/);
    await expect(inspectFile(folder)).rejects.toThrow(/: it is a folder, not a file$/);
  });
});
