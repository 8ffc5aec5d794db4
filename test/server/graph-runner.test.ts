import { expect, test } from 'vitest';
import { GraphRunner } from '../../src/server/graph-runner.ts';
import { DEFAULT_SCHEDULE } from '../../src/server/model-runner.ts';
import { RunGate } from '../../src/server/run-gate.ts';

/** A guided model of two graphs that note when they run. */
function guidedRunner() {
  const ran: string[] = [];
  const graph = (name: string, outputs: string[]) => ({
    outputs,
    session: {
      run: async (_: unknown, wanted: readonly string[]) => {
        ran.push(`${name}: ${wanted}`);
        return wanted.map((output) => ({
          ...{ name: output, datatype: 'FP32' as const, shape: [0] },
          data: new Float32Array(),
        }));
      },
    },
  });
  const parts = [graph('unet', ['output']), graph('classifier', ['gradient', 'log_probs'])];
  const signature = { name: 'm-guided', digest: '', inputs: [], outputs: [], maxBatchSize: 1 };
  const runner = new GraphRunner(signature, parts, new RunGate(1));
  const infer = (outputs: string[]) =>
    runner.infer(new Map(), outputs, { signal: new AbortController().signal, schedule: DEFAULT_SCHEDULE });
  return { ran, infer };
}

test('the classifier does not run when only the model output is wanted, nor the U-Net for the gradient', async () => {
  const { ran, infer } = guidedRunner();
  await infer(['output']);
  expect(ran).toEqual(['unet: output']);
  await infer(['gradient']);
  expect(ran).toEqual(['unet: output', 'classifier: gradient']);
});

test('outputs come in the order in which they were asked for', async () => {
  const { infer } = guidedRunner();
  const outputs = await infer(['log_probs', 'output', 'gradient']);
  expect(outputs.map(({ name }) => name)).toEqual(['log_probs', 'output', 'gradient']);
});
