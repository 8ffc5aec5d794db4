/** The configuration of each model on the wire that one model folder gives. */
import { type ModelManifest, modelDigest } from '../../models/manifest.ts';
import { DEFAULT_PRIORITY, type ModelSignature, type TensorSignature } from '../../server/model-runner.ts';
import { signaturesOf } from '../../server/signatures.ts';
import { instanceGroup, optimizationOf } from './accelerators.ts';
import type {
  DataType,
  DynamicBatching,
  EnsembleStep,
  ModelConfig,
  TensorConfig,
  Warmup,
} from './model-config.ts';
import type { TritonOptions } from './options.ts';
import { EnumValue } from './text-format.ts';

export interface TritonConfigs {
  readonly diffusion: ModelConfig;
  /** The gradient graph under its wire name; null without a classifier. */
  readonly classifier: ModelConfig | null;
  /** The ensemble of both; null without a classifier. */
  readonly guided: ModelConfig | null;
}

/** @throws {Error} if the server's batch would be smaller than the one the Worker sends */
export function tritonConfigs(manifest: ModelManifest, options: TritonOptions): TritonConfigs {
  const { diffusion, classifier, guided } = signaturesOf(manifest);
  const { max_batch_size: jobBatch, id } = manifest;
  const { maxBatchSize = jobBatch } = options;
  if (maxBatchSize < jobBatch) {
    throw new Error(
      `a batch of ${maxBatchSize} is too small for ${id}: its jobs send up to ${jobBatch} images`,
    );
  }
  const common = { digest: modelDigest(manifest), maxBatchSize, options };
  return {
    diffusion: graphConfig(diffusion, common),
    classifier: classifier && graphConfig(classifier, common),
    guided: guided && classifier && ensembleConfig(guided, [diffusion, classifier], common),
  };
}

interface Common {
  readonly digest: string;
  readonly maxBatchSize: number;
  readonly options: TritonOptions;
}

function graphConfig(signature: ModelSignature, { digest, maxBatchSize, options }: Common): ModelConfig {
  const inputs = requiredInputs(signature);
  const optimization = optimizationOf(options, inputs, maxBatchSize);
  return {
    name: signature.name,
    platform: 'onnxruntime_onnx',
    backend: 'onnxruntime',
    max_batch_size: maxBatchSize,
    version_policy: LATEST,
    input: inputs.map(graphTensor),
    output: signature.outputs.map(graphTensor),
    ...(options.batching !== false && { dynamic_batching: dynamicBatching(options) }),
    instance_group: [instanceGroup(options)],
    ...(optimization && { optimization }),
    model_warmup: [...new Set([1, maxBatchSize])].map((batch) => warmup(inputs, batch)),
    parameters: new Map([
      ...digestParameter(digest),
      ...(options.threads === undefined
        ? []
        : [['intra_op_thread_count', { string_value: String(options.threads) }] as const]),
    ]),
  };
}

/** Both graphs on one upload of x: each step takes its inputs from the request, and no step waits for another. */
function ensembleConfig(
  signature: ModelSignature,
  parts: readonly ModelSignature[],
  { digest, maxBatchSize }: Common,
): ModelConfig {
  return {
    name: signature.name,
    platform: 'ensemble',
    max_batch_size: maxBatchSize,
    version_policy: LATEST,
    input: requiredInputs(signature).map(wireTensor),
    output: signature.outputs.map(wireTensor),
    ensemble_scheduling: { step: parts.map(ensembleStep) },
    parameters: digestParameter(digest),
  };
}

function ensembleStep(part: ModelSignature): EnsembleStep {
  const same = (tensors: readonly TensorSignature[]) => new Map(tensors.map(({ name }) => [name, name]));
  return {
    model_name: part.name,
    model_version: -1,
    input_map: same(requiredInputs(part)),
    output_map: same(part.outputs),
  };
}

/** Triton can't leave out part of an ensemble by a tensor's values; what Cairn's own server offers beyond is not here. */
function requiredInputs({ inputs }: ModelSignature): readonly TensorSignature[] {
  return inputs.filter(({ optional }) => !optional);
}

/** As clients see it. Triton has no shape [N] in a batched model: what is one number per image comes as [N, 1]. */
function wireTensor({ name, datatype, shape }: TensorSignature): TensorConfig {
  const [, ...dims] = shape;
  return { name, data_type: dataType(name, datatype), dims: dims.length === 0 ? [1] : dims };
}

/** The same, with the way back to the [N] that the graph takes. */
function graphTensor(tensor: TensorSignature): TensorConfig {
  return { ...wireTensor(tensor), ...(tensor.shape.length === 1 && { reshape: { shape: [] } }) };
}

function dataType(name: string, datatype: string): DataType {
  if (datatype === 'FP32') return new EnumValue('TYPE_FP32');
  if (datatype === 'INT32') return new EnumValue('TYPE_INT32');
  throw new Error(`tensor "${name}": no graph of Cairn's has ${datatype} there`);
}

const LATEST = { latest: { num_versions: 1 } };

/** The same numbers mean the same priority as on Cairn's own server; 1 goes first. */
const PRIORITY_LEVELS = 2 * DEFAULT_PRIORITY - 1;

function dynamicBatching(options: TritonOptions): DynamicBatching {
  return {
    max_queue_delay_microseconds: options.queueDelayMicroseconds,
    priority_levels: PRIORITY_LEVELS,
    default_priority_level: DEFAULT_PRIORITY,
    default_queue_policy: {
      timeout_action: new EnumValue('REJECT'),
      default_timeout_microseconds: options.queueTimeoutMs * 1000,
      allow_timeout_override: true,
      max_queue_size: options.queueSize,
    },
  };
}

/** Zeros are valid for every input: an image of noise's mean, the first timestep, the first class, no target. */
function warmup(inputs: readonly TensorSignature[], batch: number): Warmup {
  const tensors = inputs.map(wireTensor);
  return {
    name: `${batch} ${batch === 1 ? 'image' : 'images'}`,
    batch_size: batch,
    inputs: new Map(
      tensors.map(({ name, data_type, dims }) => [name, { data_type, dims, zero_data: true }] as const),
    ),
  };
}

function digestParameter(digest: string): Map<string, { string_value: string }> {
  return new Map([['digest', { string_value: digest }]]);
}
