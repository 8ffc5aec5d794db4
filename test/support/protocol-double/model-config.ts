/** Reads config.pbtxt the way Triton does: strictly, against the published message types. */
import { readFileSync } from 'node:fs';
import protobuf from 'protobufjs';
import { fromText } from 'protobufjs/ext/textformat.js';

export interface TensorConfig {
  name: string;
  data_type: string;
  dims: number[];
  /** null if the field is absent. */
  reshape: { shape: number[] } | null;
}

export interface WarmupConfig {
  name: string;
  batch_size: number;
  inputs: Record<string, { data_type: string; dims: number[]; zero_data?: boolean }>;
}

export interface DynamicBatchingConfig {
  preferred_batch_size: number[];
  max_queue_delay_microseconds: number;
  priority_levels: number;
  default_priority_level: number;
  default_queue_policy: {
    timeout_action: string;
    default_timeout_microseconds: number;
    allow_timeout_override: boolean;
    max_queue_size: number;
  } | null;
}

export interface StepConfig {
  model_name: string;
  model_version: number;
  input_map: Record<string, string>;
  output_map: Record<string, string>;
}

export interface AcceleratorConfig {
  name: string;
  parameters: Record<string, string>;
}

/** Absent messages are null, absent scalars their defaults, as protobuf says. */
export interface ModelConfig {
  name: string;
  platform: string;
  backend: string;
  max_batch_size: number;
  version_policy: { latest?: { num_versions: number } } | null;
  input: TensorConfig[];
  output: TensorConfig[];
  instance_group: { kind: string; count: number; gpus: number[] }[];
  optimization: {
    execution_accelerators: { gpu_execution_accelerator: AcceleratorConfig[] } | null;
  } | null;
  dynamic_batching?: DynamicBatchingConfig;
  ensemble_scheduling?: { step: StepConfig[] };
  model_warmup: WarmupConfig[];
  parameters: Record<string, { string_value: string }>;
}

const PROTO = new URL('../../fixtures/triton/model_config.proto', import.meta.url);

const messageType = protobuf
  .parse(readFileSync(PROTO, 'utf8'), { keepCase: true })
  .root.lookupType('inference.ModelConfig');

/** @throws {Error} for what is no text format, unknown fields and values, two values where one belongs */
export function parseModelConfig(text: string): ModelConfig {
  const message = fromText(messageType, text);
  return messageType.toObject(message, { longs: Number, enums: String, defaults: true }) as ModelConfig;
}
