import { HTTPException } from 'hono/http-exception';
import { canConvert, convertData } from '../inference/oip/convert.ts';
import { bytesPerElement, elementCount } from '../inference/oip/datatype.ts';
import { excerpt } from '../inference/oip/error.ts';
import type { InferRequest, RequestedOutput } from '../inference/oip/request.ts';
import type { NamedTensor } from '../inference/oip/tensor.ts';
import type { ModelSignature, TensorSignature, TensorsByName } from './model-runner.ts';

/** A number in decimal with its comma never takes more, nor does a tensor's description more than this. */
const JSON_BYTES_PER_ELEMENT = 32;
const JSON_BYTES_OF_REST = 65_536;

/** @returns bytes of the largest request that the model could take, tensors as JSON included */
export function largestRequest({ inputs, maxBatchSize }: ModelSignature): number {
  return inputs.reduce((sum, { datatype, shape }) => {
    const elements = elementCount(shape.map((dim) => (dim === -1 ? maxBatchSize : dim)));
    return sum + elements * Math.max(JSON_BYTES_PER_ELEMENT, bytesPerElement(datatype));
  }, JSON_BYTES_OF_REST);
}

/**
 * Holds a request against a model's signature.
 *
 * @returns its inputs by name, in the datatypes of the signature
 * @throws {HTTPException} 400 naming the tensor and what was expected of it
 */
export function checkInputs(request: InferRequest, signature: ModelSignature): TensorsByName {
  const inputs = new Map(request.inputs.map((tensor) => [tensor.name, tensor]));
  const fitting = new Map<string, NamedTensor>();
  const known = signature.inputs.map(({ name }) => name);
  for (const name of inputs.keys()) {
    if (!known.includes(name)) {
      throw badRequest(
        `model "${signature.name}" has no input ${excerpt(name)}; its inputs are ${known.join(', ')}`,
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
    fitting.set(expected.name, adapt(tensor, expected, batch));
  }
  if (batch < 1 || batch > signature.maxBatchSize) {
    throw badRequest(`a batch of ${batch}: model "${signature.name}" takes 1 to ${signature.maxBatchSize}`);
  }
  return fitting;
}

/**
 * @returns the wanted outputs, all of the model's if the request names none
 * @throws {HTTPException} 400 for an output the model does not have, or can't give as it is wanted
 */
export function wantedOutputs(request: InferRequest, signature: ModelSignature): RequestedOutput[] {
  const { outputs } = signature;
  if (request.outputs === undefined || request.outputs.length === 0) {
    return outputs.map(({ name }) => ({ name, binary: request.binaryOutput ?? false }));
  }
  return request.outputs.map((wanted) => {
    const { name, binary, datatype } = wanted;
    const own = outputs.find((output) => output.name === name);
    if (own === undefined) {
      const known = outputs.map((output) => output.name).join(', ');
      throw badRequest(`model "${signature.name}" has no output ${excerpt(name)}; its outputs are ${known}`);
    }
    if (datatype !== undefined && !canConvert(own.datatype, datatype)) {
      throw badRequest(`output "${name}" is ${own.datatype} and can't be had as ${datatype}`);
    }
    if (datatype === 'FP16' && !binary) {
      throw badRequest(`output "${name}": FP16 has no JSON form; ask for it with binary_data`);
    }
    return wanted;
  });
}

/** The tensor as the model takes it. */
function adapt(tensor: NamedTensor, expected: TensorSignature, batch: number): NamedTensor {
  const { name, datatype, shape } = tensor;
  if (!canConvert(datatype, expected.datatype)) {
    throw badRequest(`input "${name}" is ${datatype}, expected ${expected.datatype}`);
  }
  const fits =
    shape.length === expected.shape.length &&
    shape.every((dim, axis) => dim === (expected.shape[axis] === -1 ? batch : expected.shape[axis]));
  if (!fits) {
    const wanted = expected.shape.map((dim) => (dim === -1 ? batch : dim));
    throw badRequest(`input "${name}" has shape [${shape}], expected [${wanted}] (a batch of ${batch})`);
  }
  const data = convertData(tensor.data, datatype, expected.datatype);
  if (data === null) throw badRequest(`input "${name}": a number is too large for ${expected.datatype}`);
  const { below } = expected;
  if (below !== undefined) {
    for (const [i, value] of data.entries()) {
      if (value < 0 || value >= below) {
        throw badRequest(`input "${name}": ${value} at index ${i}, expected 0 to ${below - 1}`);
      }
    }
  }
  return { name, datatype: expected.datatype, shape, data };
}

function badRequest(message: string): HTTPException {
  return new HTTPException(400, { message });
}
