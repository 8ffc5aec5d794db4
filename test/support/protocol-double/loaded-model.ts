/** A model of the repository, ready to run: a graph by onnxruntime, or an ensemble of other models. */
import { join } from 'node:path';
import { InferenceSession } from '../../../src/onnx/onnxruntime.ts';
import type { ModelConfig, TensorConfig } from './model-config.ts';
import { CODECS, CONFIG_TYPES, elements, fromOrt, toOrt, type WireTensor } from './tensor.ts';

export interface LoadedModel {
  readonly config: ModelConfig;
  /** @returns every output, in the configuration's order */
  run(inputs: readonly WireTensor[], batch: number): Promise<WireTensor[]>;
}

/**
 * Loads a graph, checks it against its configuration, and warms it up as that says.
 *
 * @throws {Error} if the graph has other inputs or outputs than the configuration
 */
export async function loadGraph(config: ModelConfig, folder: string): Promise<LoadedModel> {
  const session = await InferenceSession.create(join(folder, '1', 'model.onnx'));
  checkEnds(config, 'input', config.input, session.inputMetadata);
  checkEnds(config, 'output', config.output, session.outputMetadata);
  const model: LoadedModel = {
    config,
    async run(inputs, batch) {
      const feeds = config.input.map((input) => {
        const tensor = inputs.find(({ name }) => name === input.name)!;
        return [input.name, toOrt(tensor, [batch, ...shapeInGraph(input)])] as const;
      });
      const results = await session.run(Object.fromEntries(feeds));
      return config.output.map(({ name, data_type, dims }) =>
        fromOrt({ name, datatype: CONFIG_TYPES[data_type]! }, results[name]!, [batch, ...dims]),
      );
    },
  };
  for (const { batch_size: batch, inputs } of config.model_warmup) {
    const tensors = config.input.map(({ name }) => zeros(config.name, name, inputs[name], batch));
    await model.run(tensors, batch);
  }
  return model;
}

export function ensemble(config: ModelConfig, models: ReadonlyMap<string, LoadedModel>): LoadedModel {
  return {
    config,
    async run(inputs, batch) {
      const tensors = new Map(inputs.map((input) => [input.name, input]));
      for (const step of config.ensemble_scheduling!.step) {
        const taken = Object.entries(step.input_map).map(([name, tensor]) => ({
          ...tensors.get(tensor)!,
          name,
        }));
        const given = await models.get(step.model_name)!.run(taken, batch);
        for (const output of given) {
          const name = step.output_map[output.name];
          if (name !== undefined) tensors.set(name, { ...output, name });
        }
      }
      return config.output.map(({ name }) => tensors.get(name)!);
    },
  };
}

const shapeInGraph = ({ dims, reshape }: TensorConfig) => reshape?.shape ?? dims;

function zeros(
  model: string,
  name: string,
  input: ModelConfig['model_warmup'][number]['inputs'][string] | undefined,
  batch: number,
): WireTensor {
  if (!input?.zero_data) throw new Error(`warmup of ${model} says nothing of input '${name}'`);
  const datatype = CONFIG_TYPES[input.data_type]!;
  const shape = [batch, ...input.dims];
  return { name, datatype, shape, data: CODECS[datatype].from(new Float32Array(elements(shape))) };
}

function checkEnds(
  { name }: ModelConfig,
  kind: 'input' | 'output',
  configured: readonly TensorConfig[],
  found: readonly InferenceSession.ValueMetadata[],
): void {
  if (configured.length !== found.length) {
    throw new Error(
      `unable to load model '${name}', configuration expects ${configured.length} ${kind}s, model provides ${found.length}`,
    );
  }
  for (const tensor of configured) {
    const actual = found.find((candidate) => candidate.name === tensor.name);
    if (actual === undefined || !actual.isTensor) {
      const allowed = found.map((candidate) => candidate.name).join(', ');
      throw new Error(`unexpected inference ${kind} '${tensor.name}', allowed ${kind}s are: ${allowed}`);
    }
    const { type } = CODECS[CONFIG_TYPES[tensor.data_type]!];
    if (actual.type !== type) throw new Error(`model '${name}', ${kind} '${tensor.name}' is ${actual.type}`);
    const shape = shapeInGraph(tensor);
    const [, ...rest] = actual.shape;
    const fits =
      rest.length === shape.length &&
      rest.every((dim, i) => typeof dim === 'string' || dim === -1 || dim === shape[i]);
    if (!fits || actual.shape.length === 0) {
      throw new Error(
        `model '${name}', tensor '${tensor.name}': the model expects [${actual.shape}] but the model configuration specifies [-1,${shape}]`,
      );
    }
  }
}
