import type { EvaluationRequest } from '../backend.ts';
import { wireName } from '../oip/model-names.ts';
import type { InferRequest } from '../oip/request.ts';
import type { NamedTensor } from '../oip/tensor.ts';
import type { ExpectedTensor } from '../validate.ts';

/** The one call that evaluates a batch: which model on the server, and what it is sent. */
export function toInferRequest(
  request: EvaluationRequest,
  expected: readonly ExpectedTensor[],
): { readonly model: string; readonly body: InferRequest } {
  const { model, shape, x, timestep, label, target } = request;
  const [batch] = shape;
  const inputs: NamedTensor[] = [
    { name: 'x', datatype: 'FP32', shape, data: x },
    { name: 'timestep', datatype: 'FP32', shape: [batch], data: timestep },
  ];
  if (label !== undefined) inputs.push({ name: 'label', datatype: 'INT32', shape: [batch], data: label });
  if (target !== undefined) {
    inputs.push({ name: 'target', datatype: 'FP32', shape: [batch, target.length / batch], data: target });
  }
  return {
    model: target === undefined ? wireName.diffusion(model) : wireName.guided(model),
    body: { inputs, outputs: expected.map(({ name }) => ({ name, binary: true })) },
  };
}
