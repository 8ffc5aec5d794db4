import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { type CheckInput, type CheckKind, hasKeys } from '../contract.ts';
import { folderOf } from '../directory.ts';
import { type CheckResult, Comparison, guarded, largestMagnitude } from '../result.ts';

const entrySchema = z.looseObject({
  file: z.string(),
  /** Names of the inputs: the image, then the timestep if there is one. */
  inputs: z.tuple([z.string()], z.string()),
  /** How far the exporter's own gradient moves from float32 to float64. */
  f32_vs_f64_max_abs: z.number(),
});
type Entry = z.infer<typeof entrySchema>;

/** Two engines in float32 differ by a few roundings of the largest value, layer after layer. */
const ENGINE_TOLERANCE = 1e-5;

/** Of the difference that float32 alone makes to the gradient, how much another float32 engine may add. */
const DRIFT_FACTOR = 8;

/** Classifiers that Cairn did not build, exported to ONNX, with the gradients of the framework they came from. */
export const exportedClassifiers: CheckKind = {
  name: 'exported classifiers',
  recognises: (content) => Array.isArray(content) && hasKeys(content[0], 'file', 'opset', 'inputs'),
  async *run(input) {
    for (const entry of z.array(entrySchema).parse(input.content)) {
      const path = folderOf(input.path) + entry.file;
      yield* guarded(path, async function* () {
        yield await checkEntry(input, path, entry);
      });
    }
  },
};

async function checkEntry({ directory }: CheckInput, path: string, entry: Entry): Promise<CheckResult> {
  directory.claim(path);
  const io = await directory.npz(path.replace(/\.onnx$/, '_io.npz'));
  // Imported here: directories without classifiers need no engine.
  const { checkClassifier } = await import('../../onnx/gradient/check-classifier.ts');
  const { parseModel } = await import('../../onnx/graph/index.ts');
  const model = await readFile(directory.absolute(path));
  const [image, timestep] = entry.inputs;
  const logits = parseModel(model).outputs[0]?.name;
  if (logits === undefined) throw new Error('the model has no output');
  const names = { image, logits, ...(timestep !== undefined && { timestep }) };
  const expected = {
    logits: io.float32('logits'),
    logProbs: io.float32('log_probs'),
    gradient: io.float32('grad'),
    gradientInDouble: io.numbers('grad_f64'),
  };
  const errors = await checkClassifier(model, names, {
    shape: io.array('image').shape,
    image: io.float32('image'),
    target: io.float32('target'),
    ...(timestep !== undefined && { timestep: io.float32('timestep') }),
    ...expected,
  });
  const comparison = new Comparison();
  const relative: Record<string, number> = {};
  for (const name of ['logits', 'logProbs', 'gradient', 'gradientInDouble'] as const) {
    relative[name] = errors[name] / largestMagnitude(expected[name]);
    const rounding = ENGINE_TOLERANCE * largestMagnitude(expected[name]);
    const drift = name.startsWith('gradient') ? DRIFT_FACTOR * entry.f32_vs_f64_max_abs : rounding;
    comparison.close(name, [errors[name]], [0], Math.min(drift, rounding));
  }
  return { ...comparison.result(path), network: { architecture: 'exported', errors: relative } };
}
