import { elementCount, emptyData } from '../inference/oip/datatype.ts';
import type { NamedTensor } from '../inference/oip/tensor.ts';
import { DEFAULT_SCHEDULE, type ModelRunner, type TensorSignature } from './model-runner.ts';

/**
 * Runs a model once on one image of zeros, so that the first request does not pay for what is set up at first use.
 *
 * @throws {Error} if the model can't run
 */
export async function warmUp(runner: ModelRunner): Promise<void> {
  const { inputs, outputs } = runner.signature;
  await runner.infer(
    new Map(inputs.filter(({ optional }) => !optional).map((input) => [input.name, zeros(input)])),
    outputs.map(({ name }) => name),
    { signal: new AbortController().signal, schedule: DEFAULT_SCHEDULE },
  );
}

function zeros({ name, datatype, shape }: TensorSignature): NamedTensor {
  const one = shape.map((dim) => (dim === -1 ? 1 : dim));
  return { name, datatype, shape: one, data: emptyData(datatype, elementCount(one)) };
}
