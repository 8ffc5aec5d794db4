/**
 * What goes to a backend and what comes back, checked against the model's manifest. An answer is validated before
 * anything of it is used: one NaN would be in every later x_t.
 */
import type { ModelManifest } from '../models/manifest.ts';
import { BackendError, type Evaluation, type EvaluationRequest, type Precision } from './backend.ts';
import { fromHalf, HALF_OVERFLOW, roundToHalf } from './half.ts';
import type { Datatype, TensorData } from './oip/datatype.ts';
import { elementCount } from './oip/datatype.ts';

/** A tensor a backend answered with, as it came. */
export interface AnsweredTensor {
  readonly name: string;
  readonly datatype: Datatype;
  readonly shape: readonly number[];
  readonly data: TensorData;
}

/** A float32 tensor that the answer must hold. */
export interface ExpectedTensor {
  readonly name: string;
  readonly shape: readonly number[];
}

/** The outputs one evaluation needs: `output`, and `gradient` if the step is guided. */
export function expectedOutputs(request: EvaluationRequest, manifest: ModelManifest): ExpectedTensor[] {
  const [batch, , height, width] = request.shape;
  const output = { name: 'output', shape: [batch, manifest.output_channels, height, width] };
  return request.target === undefined ? [output] : [output, { name: 'gradient', shape: request.shape }];
}

/**
 * Checks an answer and takes the evaluation from it; outputs nobody asked for are ignored.
 *
 * @param precision of the job. With `fp16` an answer in FP32 is rounded here, to the bits the server would have sent.
 * @throws {BackendError} `invalid_response`, naming the tensor and what is wrong with it
 */
export function toEvaluation(
  answer: readonly AnsweredTensor[],
  expected: readonly ExpectedTensor[],
  precision: Precision = 'fp32',
): Evaluation {
  const values = new Map(expected.map((tensor) => [tensor.name, checkTensor(answer, tensor, precision)]));
  return { modelOutput: values.get('output')!, gradient: values.get('gradient') ?? null };
}

function checkTensor(
  answer: readonly AnsweredTensor[],
  { name, shape }: ExpectedTensor,
  precision: Precision,
): Float32Array {
  const found = answer.filter((tensor) => tensor.name === name);
  const tensor = found[0];
  if (tensor === undefined || found.length > 1) {
    const names = answer.map((other) => `"${other.name}"`).join(', ') || 'none';
    throw invalid(`expected one output "${name}", got ${names}`);
  }
  if (tensor.shape.length !== shape.length || tensor.shape.some((dim, axis) => dim !== shape[axis])) {
    throw invalid(`output "${name}" has shape [${tensor.shape}], expected [${shape}]`);
  }
  const count = elementCount(shape);
  if (tensor.data.length !== count) {
    throw invalid(`output "${name}" has ${tensor.data.length} values, expected ${count} for [${shape}]`);
  }
  const values = toFloats(tensor, precision);
  const bad = firstNonFinite(values);
  if (bad !== -1) {
    throw invalid(`output "${name}" is ${values[bad]} at [${positionOf(bad, shape)}] of [${shape}]`);
  }
  return values;
}

function toFloats({ name, datatype, data }: AnsweredTensor, precision: Precision): Float32Array {
  if (datatype === 'FP32' && data instanceof Float32Array) {
    return precision === 'fp32' ? data : roundToHalf(data);
  }
  if (datatype === 'FP16' && data instanceof Float16Array && precision === 'fp16') return fromHalf(data);
  throw invalid(
    `output "${name}" is ${datatype}, expected ${precision === 'fp32' ? 'FP32' : 'FP16 or FP32'}`,
  );
}

function invalid(message: string): BackendError {
  return new BackendError('invalid_response', message);
}

/** @returns index of the first NaN or infinity, -1 if there is none */
export function firstNonFinite(data: Float32Array): number {
  // 0 * v is 0 for every finite v and NaN for the others: one pass without branches, then look closer.
  let sum = 0;
  for (let i = 0; i < data.length; i++) sum += 0 * data[i]!;
  return sum === 0 ? -1 : data.findIndex((value) => !Number.isFinite(value));
}

function positionOf(index: number, shape: readonly number[]): number[] {
  const position: number[] = [];
  let rest = index;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    position.unshift(rest % shape[axis]!);
    rest = Math.floor(rest / shape[axis]!);
  }
  return position;
}

/**
 * Checks a request before it costs anybody anything: what fails here is a mistake in the caller's code.
 *
 * @throws {BackendError} `rejected`, naming the field
 */
export function checkRequest(request: EvaluationRequest, manifest: ModelManifest): void {
  const [batch, channels, height, width] = request.shape;
  const { image, classes } = manifest;
  if (!Number.isInteger(batch) || batch < 1)
    throw mistake('shape', `a batch of ${batch}`, 'at least one image');
  if (channels !== image.channels || height !== image.height || width !== image.width) {
    const expected = `[N, ${image.channels}, ${image.height}, ${image.width}] for ${manifest.id}`;
    throw mistake('shape', `[${request.shape}]`, expected);
  }
  checkLength('x', request.x, elementCount(request.shape));
  checkLength('timestep', request.timestep, batch);
  for (const [field, data] of [
    ['x', request.x],
    ['timestep', request.timestep],
  ] as const) {
    const bad = firstNonFinite(data);
    if (bad !== -1) throw mistake(field, `${data[bad]} at index ${bad}`, 'finite values');
  }
  if (request.precision === 'fp16') {
    const far = request.x.findIndex((value) => Math.abs(value) >= HALF_OVERFLOW);
    if (far !== -1)
      throw mistake('x', `${request.x[far]} at index ${far}`, 'values that half precision holds');
  }

  if (manifest.class_conditional !== (request.label !== undefined)) {
    const expected = manifest.class_conditional
      ? 'a class per image'
      : 'none: the model is not class-conditional';
    throw mistake('label', request.label === undefined ? 'none' : 'labels', expected);
  }
  if (request.label !== undefined) {
    checkLength('label', request.label, batch);
    const bad = request.label.findIndex((label) => label < 0 || label >= classes.length);
    if (bad !== -1)
      throw mistake('label', `${request.label[bad]} at index ${bad}`, `0 to ${classes.length - 1}`);
  }

  if (request.target !== undefined) {
    if (manifest.graphs.gradient === undefined) {
      throw mistake('target', 'a guided step', `none: ${manifest.id} has no classifier`);
    }
    checkLength('target', request.target, batch * classes.length);
    const bad = firstNonFinite(request.target);
    if (bad !== -1) throw mistake('target', `${request.target[bad]} at index ${bad}`, 'finite weights');
  }
}

function checkLength(field: string, data: Float32Array | Int32Array, expected: number): void {
  if (data.length !== expected) throw mistake(field, `${data.length} values`, `${expected}`);
}

function mistake(field: string, got: string, expected: string): BackendError {
  return new BackendError('rejected', `evaluation request: ${field}: got ${got}, expected ${expected}`);
}
