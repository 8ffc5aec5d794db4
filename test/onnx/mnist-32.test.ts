/** The committed model against the reference's answers; its weights are stored in half precision. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parseManifest } from '../../src/models/manifest.ts';
import ort from '../../src/onnx/onnxruntime.ts';
import { largestError, readNpz } from './fixtures.ts';

const folder = fileURLToPath(new URL('../../models/mnist-32', import.meta.url));
const manifest = parseManifest(JSON.parse(readFileSync(`${folder}/model.json`, 'utf8')), 'mnist-32');
const io = readNpz('mnist-32/io_a.npz');
const labels = io.numbers('y');

async function run(
  graph: 'diffusion' | 'classifier' | 'gradient',
): Promise<ort.InferenceSession.OnnxValueMapType> {
  const session = await ort.InferenceSession.create(`${folder}/${manifest.graphs[graph]!.file}`);
  const tensors: Record<string, ort.Tensor> = {
    x: new ort.Tensor('float32', io.float32('x'), io.array('x').shape),
    timestep: new ort.Tensor('float32', io.float32('timesteps'), [labels.length]),
    target: new ort.Tensor(
      'float32',
      Float32Array.from({ length: labels.length * 10 }, (_, i) =>
        labels[Math.floor(i / 10)] === i % 10 ? 1 : 0,
      ),
      [labels.length, 10],
    ),
  };
  return session.run(Object.fromEntries(session.inputNames.map((name) => [name, tensors[name]!])));
}
const values = (tensor: ort.Tensor | undefined): Float32Array => tensor!.data as Float32Array;

describe('computes what the reference computes, to the precision of its weights', () => {
  it('the diffusion model (answers up to 5)', async () => {
    const { output } = await run('diffusion');
    expect(largestError(values(output), io.float32('output'))).toBeLessThan(0.02);
  });

  it('the noisy classifier (logits up to 20)', async () => {
    const { logits } = await run('classifier');
    expect(largestError(values(logits), io.float32('logits'))).toBeLessThan(0.02);
  });

  it("the gradient of the label's log-probability", async () => {
    const answers = await run('gradient');
    const scale = Math.max(...io.float32('grad').map(Math.abs));
    expect(largestError(values(answers.gradient), io.float32('grad')) / scale).toBeLessThan(0.01);
    expect(largestError(values(answers.log_probs), io.float32('log_softmax'))).toBeLessThan(0.02);
  });
});

it.each(['diffusion', 'classifier', 'gradient'] as const)(
  '%s.onnx is the file that model.json names',
  (graph) => {
    const { file, bytes, sha256 } = manifest.graphs[graph]!;
    const content = readFileSync(`${folder}/${file}`);
    expect(content.byteLength).toBe(bytes);
    expect(createHash('sha256').update(content).digest('hex')).toBe(sha256);
  },
);

it('is small enough to travel inside a Worker', () => {
  expect(manifest.graphs.diffusion.bytes + manifest.graphs.gradient!.bytes).toBeLessThan(6e6);
});
