/** What Triton refuses when it loads a model, in the order in which it looks. */
import type { ModelConfig, TensorConfig } from './model-config.ts';

/** @throws {Error} with Triton's reason */
export function validateConfig(config: ModelConfig, folder: string): void {
  const { name, platform, backend, max_batch_size: batch } = config;
  if (name !== '' && name !== folder) {
    throw new Error(
      `unexpected directory name '${folder}' for model '${name}', directory name must equal model name`,
    );
  }
  if (platform === '' && backend === '') {
    throw new Error(`must specify 'platform' or 'backend' for '${name}'`);
  }
  if (batch < 0) throw new Error(`'max_batch_size' must be non-negative value for ${name}`);
  if (config.input.length === 0 || config.output.length === 0) {
    throw new Error(`must specify inputs and outputs for ${name}`);
  }
  for (const input of config.input) validateTensor(input, batch, 'model input ');
  for (const output of config.output) validateTensor(output, batch, 'model output ');
  validateBatching(config);
  if (config.ensemble_scheduling === undefined) validateInstances(config);
  else validateEnsemble(config);
}

const count = (dims: number[]) => dims.reduce((product, dim) => product * dim, 1);

function validateTensor({ name, data_type, dims, reshape }: TensorConfig, batch: number, what: string): void {
  if (name === '') throw new Error(`${what}must specify 'name'`);
  if (data_type === 'TYPE_INVALID') throw new Error(`${what}must specify 'data_type'`);
  if (dims.length === 0) throw new Error(`${what}must specify 'dims'`);
  for (const dim of [...dims, ...(reshape?.shape ?? [])]) {
    if (dim < 1 && dim !== -1) {
      throw new Error(`${what}dimension must be integer >= 1, or -1 to indicate a variable-size dimension`);
    }
  }
  if (reshape === null) return;
  if (reshape.shape.length === 0 && batch === 0) {
    throw new Error(
      `${what}cannot have empty reshape for non-batching model as scalar tensors are not supported`,
    );
  }
  if (count(dims) !== count(reshape.shape)) throw new Error(`${what}has different size for dims and reshape`);
}

function validateBatching({ name, max_batch_size, dynamic_batching: batching }: ModelConfig): void {
  if (batching === undefined) return;
  if (max_batch_size === 0) throw new Error(`dynamic batching needs max_batch_size for ${name}`);
  for (const size of batching.preferred_batch_size) {
    if (size < 1 || size > max_batch_size)
      throw new Error(`dynamic batching preferred size is wrong for ${name}`);
  }
  const { priority_levels: levels, default_priority_level: level } = batching;
  if (levels > 0 && (level < 1 || level > levels)) {
    throw new Error(`default priority level must be in range [1, ${levels}] for ${name}`);
  }
}

function validateInstances({ name, platform, instance_group: groups }: ModelConfig): void {
  if (platform === 'ensemble') throw new Error(`ensemble scheduling must be set for ensemble ${name}`);
  for (const { kind, count: instances, gpus } of groups) {
    if (instances < 1) throw new Error(`instance group of model ${name} has no instances`);
    if (kind !== 'KIND_GPU' && kind !== 'KIND_AUTO' && gpus.length > 0) {
      throw new Error(`instance group of model ${name} has kind ${kind} but specifies one or more GPUs`);
    }
  }
}

function validateEnsemble(config: ModelConfig): void {
  const { name, platform, instance_group, optimization, model_warmup } = config;
  const steps = config.ensemble_scheduling!.step;
  if (platform !== 'ensemble') {
    throw new Error(`ensemble scheduling cannot be set for model '${name}' whose platform is not ensemble`);
  }
  if (instance_group.length > 0)
    throw new Error(`instance group should not be specified for ensemble '${name}'`);
  if (optimization !== null) throw new Error(`optimization should not be specified for ensemble '${name}'`);
  if (model_warmup.length > 0) throw new Error(`model_warmup can not be specified for ensemble '${name}'`);
  if (steps.length === 0) throw new Error(`must specify 'step' for ensemble '${name}'`);

  const used = new Set(steps.flatMap((step) => Object.values(step.input_map)));
  const written = steps.flatMap((step) => Object.values(step.output_map));
  const twice = written.find((tensor, i) => written.indexOf(tensor) !== i);
  if (twice !== undefined) {
    throw new Error(
      `ensemble tensor '${twice}' can appear in an output map only once for ensemble '${name}'`,
    );
  }
  for (const input of config.input) {
    if (!used.has(input.name))
      throw new Error(`ensemble input '${input.name}' for ensemble ${name}' is not used`);
  }
  const outputs = config.output.map((output) => output.name);
  for (const output of outputs) {
    if (!written.includes(output))
      throw new Error(`output '${output}' for ensemble '${name}' is not written`);
  }
  const known = new Set([...config.input.map((input) => input.name), ...written]);
  for (const tensor of used) {
    if (!known.has(tensor))
      throw new Error(`ensemble tensor '${tensor}' is never written in ensemble '${name}'`);
  }
  for (const tensor of written) {
    if (!used.has(tensor) && !outputs.includes(tensor)) {
      throw new Error(`ensemble tensor '${tensor}' is unused in ensemble '${name}'`);
    }
  }
}

/** Each step's tensors must be those of the model it names. @throws {Error} */
export function validateSteps(ensemble: ModelConfig, models: ReadonlyMap<string, ModelConfig>): void {
  const tensors = new Map(ensemble.input.map((input) => [input.name, input]));
  const steps = ensemble.ensemble_scheduling!.step;
  for (const step of steps) {
    const model = models.get(step.model_name);
    if (model === undefined) {
      throw new Error(`ensemble ${ensemble.name} contains models that are not available: ${step.model_name}`);
    }
    if (model.max_batch_size < ensemble.max_batch_size) {
      throw new Error(
        `ensemble '${ensemble.name}' allows maximum batch size ${ensemble.max_batch_size}, but it contains model '${model.name}' which only allows maximum batch size to be ${model.max_batch_size}`,
      );
    }
    for (const input of model.input) {
      if (step.input_map[input.name] === undefined) {
        throw new Error(`input '${input.name}' in model '${model.name}' is not mapped in '${ensemble.name}'`);
      }
    }
    for (const [output, tensor] of Object.entries(step.output_map)) {
      tensors.set(tensor, find(model.output, output, model.name));
    }
  }
  for (const step of steps) {
    const model = models.get(step.model_name)!;
    for (const [input, tensor] of Object.entries(step.input_map)) {
      compare(ensemble.name, tensor, tensors.get(tensor)!, find(model.input, input, model.name));
    }
  }
  for (const output of ensemble.output) {
    compare(ensemble.name, output.name, output, tensors.get(output.name)!);
  }
}

function find(tensors: TensorConfig[], name: string, model: string): TensorConfig {
  const found = tensors.find((tensor) => tensor.name === name);
  if (found === undefined) throw new Error(`model '${model}' has no tensor '${name}'`);
  return found;
}

function compare(ensemble: string, tensor: string, a: TensorConfig, b: TensorConfig): void {
  if (a.data_type !== b.data_type || a.dims.join() !== b.dims.join()) {
    throw new Error(
      `in ensemble ${ensemble}, ensemble tensor ${tensor}: inconsistent ${a.data_type} [${a.dims}] and ${b.data_type} [${b.dims}]`,
    );
  }
}
