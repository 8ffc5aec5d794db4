import { HTTPException } from 'hono/http-exception';
import type { InferRequest } from '../inference/oip/request.ts';
import type { NamedTensor } from '../inference/oip/tensor.ts';
import type { ModelSignature, TensorSignature, TensorsByName } from './model-runner.ts';

/**
 * Holds a request against a model's signature.
 *
 * @returns its inputs by name
 * @throws {HTTPException} 400 naming the tensor and what was expected of it
 */
export function checkInputs(request: InferRequest, signature: ModelSignature): TensorsByName {
  const inputs = new Map(request.inputs.map((tensor) => [tensor.name, tensor]));
  const known = signature.inputs.map(({ name }) => name);
  for (const name of inputs.keys()) {
    if (!known.includes(name)) {
      throw badRequest(
        `model "${signature.name}" has no input "${name}"; its inputs are ${known.join(', ')}`,
      );
    }
  }
  const batch = inputs.get(known[0]!)?.shape[0] ?? 0;
  for (const expected of signature.inputs) {
    const tensor = inputs.get(expected.name);
    if (tensor === undefined) {
      if (expected.optional) continue;
      throw badRequest(`input "${expected.name}" is missing`);
    }
    checkTensor(tensor, expected, batch);
  }
  if (batch < 1 || batch > signature.maxBatchSize) {
    throw badRequest(`a batch of ${batch}: model "${signature.name}" takes 1 to ${signature.maxBatchSize}`);
  }
  return inputs;
}

/**
 * @returns names of the wanted outputs, all of the model's if the request names none
 * @throws {HTTPException} 400 for an output the model does not have
 */
export function wantedOutputs(request: InferRequest, signature: ModelSignature): string[] {
  const known = signature.outputs.map(({ name }) => name);
  if (request.outputs === undefined || request.outputs.length === 0) return known;
  return request.outputs.map(({ name }) => {
    if (known.includes(name)) return name;
    throw badRequest(
      `model "${signature.name}" has no output "${name}"; its outputs are ${known.join(', ')}`,
    );
  });
}

function checkTensor(tensor: NamedTensor, expected: TensorSignature, batch: number): void {
  const { name, datatype, shape, data } = tensor;
  if (datatype !== expected.datatype)
    throw badRequest(`input "${name}" is ${datatype}, expected ${expected.datatype}`);
  const fits =
    shape.length === expected.shape.length &&
    shape.every((dim, axis) => dim === (expected.shape[axis] === -1 ? batch : expected.shape[axis]));
  if (!fits) {
    const wanted = expected.shape.map((dim) => (dim === -1 ? batch : dim));
    throw badRequest(`input "${name}" has shape [${shape}], expected [${wanted}] (a batch of ${batch})`);
  }
  const { below } = expected;
  if (below !== undefined) {
    for (const [i, value] of data.entries()) {
      if (value < 0 || value >= below) {
        throw badRequest(`input "${name}": ${value} at index ${i}, expected 0 to ${below - 1}`);
      }
    }
  }
}

function badRequest(message: string): HTTPException {
  return new HTTPException(400, { message });
}
