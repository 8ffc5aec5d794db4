/** What a step of a model costs here: time in the networks, bytes on the wire. */
import { elementCount } from '../inference/oip/datatype.ts';
import { encodeRequest } from '../inference/oip/request.ts';
import { encodeResponse } from '../inference/oip/response.ts';
import type { NamedTensor } from '../inference/oip/tensor.ts';
import type { ModelSignature } from '../server/model-runner.ts';
import type { Network } from './network.ts';
import type { StepCost } from './report.ts';

const MOST_ROUNDS = 7;
const MOST_MS = 3000;

/**
 * As an engine of `cairn serve` on the CPU runs them.
 *
 * @param signature of the call that a step makes: both networks if it can be guided
 */
export async function measureStep(
  networks: { readonly diffusion: Network; readonly gradient: Network | undefined },
  signature: ModelSignature,
  inputs: ReadonlyMap<string, NamedTensor>,
  batch: number,
): Promise<StepCost> {
  const { diffusion, gradient } = networks;
  const alone = () => diffusion.runAsServed(inputs);
  const guide = gradient && (() => gradient.runAsServed(inputs));
  const both =
    guide &&
    (async () => {
      await alone();
      await guide();
    });
  return {
    batch,
    diffusionMs: await medianTime(alone),
    gradientMs: guide ? await medianTime(guide) : null,
    guidedMs: both ? await medianTime(both) : null,
    ...wireBytes(signature, inputs, batch),
  };
}

async function medianTime(run: () => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  let total = 0;
  while (times.length === 0 || (times.length < MOST_ROUNDS && total < MOST_MS)) {
    const start = performance.now();
    await run();
    const time = performance.now() - start;
    times.push(time);
    total += time;
  }
  return times.sort((a, b) => a - b)[Math.floor(times.length / 2)]!;
}

/** The messages of the Open Inference Protocol as the remote backend sends and gets them. */
function wireBytes(
  { name, inputs, outputs }: ModelSignature,
  values: ReadonlyMap<string, NamedTensor>,
  batch: number,
): Pick<StepCost, 'sentBytes' | 'receivedBytes'> {
  // A step uses the gradient and leaves the probabilities where they are.
  const wanted = outputs.filter((output) => output.name !== 'log_probs');
  const request = encodeRequest({
    inputs: inputs.map((input) => values.get(input.name)!),
    outputs: wanted.map((output) => ({ name: output.name, binary: true })),
  });
  const response = encodeResponse(
    {
      modelName: name,
      modelVersion: '1',
      outputs: wanted.map(({ name: output, datatype, shape: [, ...rest] }) => {
        const shape = [batch, ...rest];
        return { name: output, datatype, shape, data: new Float32Array(elementCount(shape)) };
      }),
    },
    () => true,
  );
  return { sentBytes: request.body.byteLength, receivedBytes: response.body.byteLength };
}
