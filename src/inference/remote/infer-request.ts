import type { EvaluationRequest } from '../backend.ts';
import { roundToHalf, toHalf } from '../half.ts';
import { wireName } from '../oip/model-names.ts';
import type { InferRequest } from '../oip/request.ts';
import type { NamedTensor, Parameters } from '../oip/tensor.ts';
import type { ExpectedTensor } from '../validate.ts';

export interface CallOptions {
  /** Whether the server takes and gives FP16; if not, a half-precision job sends it its rounded values as FP32. */
  readonly fp16: boolean;
  /** After this long nobody waits for the answer. */
  readonly timeoutMs: number;
  readonly owner: string | undefined;
  readonly priority: number | undefined;
  /** How the server takes what is one number per image. */
  readonly perImage: PerImage;
}

/** NVIDIA Triton has no shape [N] in a model that batches. */
export type PerImage = '[N]' | '[N, 1]';

/** Name on the wire of the model that answers a request. */
export function wireModel({ model, target }: EvaluationRequest): string {
  return target === undefined ? wireName.diffusion(model) : wireName.guided(model);
}

/** The one call that evaluates a batch: what the server is sent, and which outputs it is asked for. */
export function toInferRequest(
  request: EvaluationRequest,
  expected: readonly ExpectedTensor[],
  options: CallOptions,
): InferRequest {
  const { shape, timestep, label, target } = request;
  const [batch] = shape;
  const half = request.precision === 'fp16' && options.fp16;
  const perImage = options.perImage === '[N]' ? [batch] : [batch, 1];
  const inputs: NamedTensor[] = [
    imageTensor(request, half),
    { name: 'timestep', datatype: 'FP32', shape: perImage, data: timestep },
  ];
  if (label !== undefined) inputs.push({ name: 'label', datatype: 'INT32', shape: perImage, data: label });
  if (target !== undefined) {
    inputs.push({ name: 'target', datatype: 'FP32', shape: [batch, target.length / batch], data: target });
  }
  const outputs = expected.map(({ name }) => ({
    name,
    binary: true,
    ...(half ? { datatype: 'FP16' as const } : {}),
  }));
  return { parameters: schedulingParameters(request, options), inputs, outputs };
}

function imageTensor({ shape, x, precision }: EvaluationRequest, half: boolean): NamedTensor {
  if (half) return { name: 'x', datatype: 'FP16', shape, data: toHalf(x) };
  return { name: 'x', datatype: 'FP32', shape, data: precision === 'fp16' ? roundToHalf(x) : x };
}

/** Triton's `timeout` (microseconds) and `priority`; `owner` and `exact` are Cairn's own, and others pass over them. */
function schedulingParameters({ exact }: EvaluationRequest, options: CallOptions): Parameters {
  const { timeoutMs, owner, priority } = options;
  return {
    timeout: timeoutMs * 1000,
    ...(owner === undefined ? {} : { owner }),
    ...(priority === undefined ? {} : { priority }),
    ...(exact === true ? { exact } : {}),
  };
}
