/**
 * The part of Triton's ModelConfig that Cairn writes, field by field as in its protobuf definition
 * (triton-inference-server/common, protobuf/model_config.proto).
 */
import type { EnumValue } from './text-format.ts';

export type DataType = EnumValue<'TYPE_FP32' | 'TYPE_INT32'>;

export type TensorConfig = {
  readonly name: string;
  readonly data_type: DataType;
  /** Without the batch dimension; never empty. */
  readonly dims: readonly number[];
  /** What the graph gets instead, again without the batch dimension; may be empty. */
  readonly reshape?: { readonly shape: readonly number[] };
};

export type InstanceGroup = {
  readonly kind: EnumValue<'KIND_GPU' | 'KIND_CPU'>;
  /** Instances in all on the CPU, on each GPU otherwise. */
  readonly count: number;
  readonly gpus?: readonly number[];
};

export type QueuePolicy = {
  readonly timeout_action: EnumValue<'REJECT' | 'DELAY'>;
  readonly default_timeout_microseconds: number;
  readonly allow_timeout_override: boolean;
  readonly max_queue_size: number;
};

export type DynamicBatching = {
  readonly max_queue_delay_microseconds: number;
  readonly priority_levels: number;
  readonly default_priority_level: number;
  readonly default_queue_policy: QueuePolicy;
};

export type Accelerator = { readonly name: string; readonly parameters: ReadonlyMap<string, string> };

export type Optimization = {
  readonly execution_accelerators: { readonly gpu_execution_accelerator: readonly Accelerator[] };
};

export type WarmupInput = {
  readonly data_type: DataType;
  readonly dims: readonly number[];
  readonly zero_data: true;
};

export type Warmup = {
  readonly name: string;
  readonly batch_size: number;
  readonly inputs: ReadonlyMap<string, WarmupInput>;
};

export type EnsembleStep = {
  readonly model_name: string;
  /** -1 is the newest. */
  readonly model_version: number;
  readonly input_map: ReadonlyMap<string, string>;
  readonly output_map: ReadonlyMap<string, string>;
};

export type ModelConfig = {
  readonly name: string;
  readonly platform: 'onnxruntime_onnx' | 'ensemble';
  readonly backend?: 'onnxruntime';
  readonly max_batch_size: number;
  readonly version_policy: { readonly latest: { readonly num_versions: number } };
  readonly input: readonly TensorConfig[];
  readonly output: readonly TensorConfig[];
  readonly dynamic_batching?: DynamicBatching;
  readonly ensemble_scheduling?: { readonly step: readonly EnsembleStep[] };
  readonly instance_group?: readonly InstanceGroup[];
  readonly optimization?: Optimization;
  readonly model_warmup?: readonly Warmup[];
  readonly parameters: ReadonlyMap<string, { readonly string_value: string }>;
};
