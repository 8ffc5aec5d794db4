/** How onnxruntime inside Triton is told to use a GPU (triton-inference-server/onnxruntime_backend, README). */
import type { TensorSignature } from '../../server/model-runner.ts';
import type { InstanceGroup, Optimization } from './model-config.ts';
import type { TritonOptions } from './options.ts';
import { EnumValue } from './text-format.ts';

export function instanceGroup({ accelerator, instances, gpus }: TritonOptions): InstanceGroup {
  if (accelerator === 'cpu') return { kind: new EnumValue('KIND_CPU'), count: instances };
  return { kind: new EnumValue('KIND_GPU'), count: instances, ...(gpus && { gpus }) };
}

/** @returns undefined on the CPU, where there is nothing to choose */
export function optimizationOf(
  options: TritonOptions,
  inputs: readonly TensorSignature[],
  maxBatchSize: number,
): Optimization | undefined {
  if (options.accelerator === 'cpu') return undefined;
  const accelerator =
    options.accelerator === 'cuda'
      ? { name: 'cuda', parameters: CUDA }
      : { name: 'tensorrt', parameters: tensorrt(options, inputs, maxBatchSize) };
  return { execution_accelerators: { gpu_execution_accelerator: [accelerator] } };
}

/**
 * Dynamic batching brings a new batch size with almost every run. cuDNN's exhaustive search, the default, would try
 * every algorithm of every convolution again for each of them.
 */
const CUDA = new Map([
  ['cudnn_conv_algo_search', 'HEURISTIC'],
  ['cudnn_conv_use_max_workspace', '1'],
]);

/** With the whole range of shapes said beforehand, one engine serves every batch size. */
function tensorrt(
  { fp16 = false, engineCache }: TritonOptions,
  inputs: readonly TensorSignature[],
  maxBatchSize: number,
): Map<string, string> {
  const shapes = (batch: number) =>
    inputs
      .map(({ name, shape }) => `${name}:${shape.map((dim) => (dim === -1 ? batch : dim)).join('x')}`)
      .join(',');
  return new Map([
    ['precision_mode', fp16 ? 'FP16' : 'FP32'],
    ['trt_profile_min_shapes', shapes(1)],
    ['trt_profile_opt_shapes', shapes(maxBatchSize)],
    ['trt_profile_max_shapes', shapes(maxBatchSize)],
    ...(engineCache === undefined ? [] : engineCacheParameters(engineCache)),
  ]);
}

function engineCacheParameters(folder: string): [string, string][] {
  return [
    ['trt_engine_cache_enable', '1'],
    ['trt_engine_cache_path', folder],
    ['trt_timing_cache_enable', '1'],
    ['trt_timing_cache_path', folder],
  ];
}
