import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { appendFile, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { tritonConfigs } from '../../../src/export/triton/configs.ts';
import { DEFAULT_TRITON_OPTIONS, type TritonOptions } from '../../../src/export/triton/options.ts';
import { type ExportOptions, exportTriton } from '../../../src/export/triton/repository.ts';
import { writeText } from '../../../src/export/triton/text-format.ts';
import { modelDigest } from '../../../src/models/manifest.ts';
import { tinyManifest, writeTinyModel } from '../../server/tiny-model.ts';
import { loadRepository } from '../../support/protocol-double/index.ts';
import { type ModelConfig, parseModelConfig } from '../../support/protocol-double/model-config.ts';
import { validateConfig } from '../../support/protocol-double/validate.ts';

let folder: string;
let models: string;
let out: string;

beforeEach(async () => {
  // A name that needs quoting wherever it is not quoted.
  folder = await mkdtemp(join(tmpdir(), `cairn export "ü' `));
  models = join(folder, 'models');
  out = join(folder, 'repo');
});
afterEach(() => rm(folder, { recursive: true }));

const run = (options: Partial<ExportOptions> = {}) =>
  exportTriton({ ...DEFAULT_TRITON_OPTIONS, models, out, ...options });

const config = (name: string): ModelConfig =>
  parseModelConfig(readFileSync(join(out, name, 'config.pbtxt'), 'utf8'));

const left = () => readdir(folder);

describe('a repository', () => {
  test('has the three models of a folder, each under its name on the wire, and Triton takes them', async () => {
    await writeTinyModel(models, { id: 'tiny' });
    const { models: names } = await run();
    expect(names).toEqual(['tiny', 'tiny-classifier', 'tiny-guided']);
    expect([...(await loadRepository(out)).keys()].sort()).toEqual(names);
    expect(readdirSync(join(out, 'tiny-guided', '1'))).toEqual(['.keep']);
    expect(await readFile(join(out, 'tiny-classifier', '1', 'model.onnx'))).toEqual(
      await readFile(join(models, 'tiny', 'gradient.onnx')),
    );
  });

  test('has one model for a folder without a classifier', async () => {
    await writeTinyModel(models, { id: 'tiny', guided: false });
    expect((await run()).models).toEqual(['tiny']);
  });

  test('gives the model as one folder too', async () => {
    await writeTinyModel(models, { id: 'tiny', guided: false });
    expect((await run({ models: join(models, 'tiny') })).models).toEqual(['tiny']);
  });

  test('takes numbers per image as [N, 1] and gives them to the graph as [N]', async () => {
    await writeTinyModel(models, { id: 'tiny', conditional: true });
    await run();
    const scalar = { dims: [1], reshape: { shape: [] } };
    expect(config('tiny').input).toMatchObject([
      { name: 'x', data_type: 'TYPE_FP32', dims: [2, 2, 3], reshape: null },
      { name: 'timestep', data_type: 'TYPE_FP32', ...scalar },
      { name: 'label', data_type: 'TYPE_INT32', ...scalar },
    ]);
    // An ensemble's tensors are those on the wire; the reshape is the graphs' own.
    const wire = config('tiny-guided').input.map(({ name, dims, reshape }) => [name, dims, reshape]);
    expect(wire).toEqual([
      ['x', [2, 2, 3], null],
      ['timestep', [1], null],
      ['label', [1], null],
      ['target', [3], null],
    ]);
  });

  test('fans x and timestep out to both graphs in the guided model', async () => {
    await writeTinyModel(models, { id: 'tiny' });
    await run();
    const same = (...names: string[]) => Object.fromEntries(names.map((name) => [name, name]));
    expect(config('tiny-guided').ensemble_scheduling?.step).toEqual([
      {
        model_name: 'tiny',
        model_version: -1,
        model_namespace: '',
        input_map: same('x', 'timestep'),
        output_map: same('output'),
      },
      {
        model_name: 'tiny-classifier',
        model_version: -1,
        model_namespace: '',
        input_map: same('x', 'timestep', 'target'),
        output_map: same('gradient', 'log_probs'),
      },
    ]);
  });

  test('keeps the digest that jobs begin with, in every configuration', async () => {
    const manifest = await writeTinyModel(models, { id: 'tiny' });
    await run();
    for (const name of ['tiny', 'tiny-classifier', 'tiny-guided']) {
      expect(config(name).parameters).toEqual({ digest: { string_value: modelDigest(manifest) } });
    }
  });

  test('brings weights in a file of their own under the name that the graph knows', async () => {
    const manifest = await writeTinyModel(models, { id: 'tiny', guided: false });
    const data = new Uint8Array(1000).fill(7);
    await writeFile(join(models, 'tiny', 'diffusion.onnx.data'), data);
    const digest = '0'.repeat(64);
    const described = { file: 'diffusion.onnx.data', bytes: data.length, sha256: digest };
    const graphs = { diffusion: { ...manifest.graphs.diffusion, data: described } };
    await writeFile(join(models, 'tiny', 'model.json'), JSON.stringify({ ...manifest, graphs }));
    await expect(run()).rejects.toThrow(
      /tiny: diffusion\.onnx\.data has SHA-256 \w{64}; model\.json says 0{64}/,
    );

    const sha256 = createHash('sha256').update(data).digest('hex');
    const right = { diffusion: { ...graphs.diffusion, data: { ...described, sha256 } } };
    await writeFile(join(models, 'tiny', 'model.json'), JSON.stringify({ ...manifest, graphs: right }));
    await run();
    expect(readdirSync(join(out, 'tiny', '1')).sort()).toEqual(['diffusion.onnx.data', 'model.onnx']);
  });

  test('may link instead of copying', async () => {
    await writeTinyModel(models, { id: 'tiny' });
    const inode = async (path: string) => (await stat(path)).ino;
    const source = join(models, 'tiny', 'diffusion.onnx');
    const target = join(out, 'tiny', '1', 'model.onnx');
    await run({ link: true });
    expect(await inode(target)).toBe(await inode(source));
    await run({ force: true });
    expect(await inode(target)).not.toBe(await inode(source));
  });
});

describe('what goes wrong leaves no repository, and what was there as it was:', () => {
  test('a graph that is not the one in model.json', async () => {
    await writeTinyModel(models, { id: 'tiny' });
    await appendFile(join(models, 'tiny', 'gradient.onnx'), 'x');
    await expect(run()).rejects.toThrow(/models\/tiny: gradient\.onnx has \d+ bytes; model\.json says \d+/);
    expect(await left()).toEqual(['models']);
  });

  test('two folders that give the same name on the wire', async () => {
    await writeTinyModel(models, { id: 'tiny' });
    await writeTinyModel(models, { id: 'tiny-guided', guided: false });
    await expect(run()).rejects.toThrow(/tiny and .*tiny-guided both give a model "tiny-guided"/);
    expect(await left()).toEqual(['models']);
  });

  test('a folder without models', async () => {
    await mkdir(models);
    await expect(run()).rejects.toThrow(/neither a model folder \(no model\.json\) nor one of models/);
  });

  test('an earlier repository, unless it is to be replaced', async () => {
    await writeTinyModel(models, { id: 'tiny', guided: false });
    await run();
    await expect(run()).rejects.toThrow(/repo is there already/);
    await rm(models, { recursive: true });
    await writeTinyModel(models, { id: 'other', guided: false });
    await run({ force: true });
    expect(await readdir(out)).toEqual(['other']);
    expect((await left()).sort()).toEqual(['models', 'repo']);
  });

  test('a folder that is no repository, even by force', async () => {
    await writeTinyModel(models, { id: 'tiny' });
    await expect(run({ out: models, force: true })).rejects.toThrow(
      /models is not replaced: it holds tiny, which is no model of a Triton repository/,
    );
    expect(await readdir(models)).toEqual(['tiny']);
  });

  test('a batch smaller than the one that jobs send', async () => {
    await writeTinyModel(models, { id: 'tiny', maxBatchSize: 4 });
    await expect(run({ maxBatchSize: 3 })).rejects.toThrow(
      'a batch of 3 is too small for tiny: its jobs send up to 4 images',
    );
  });

  test.each([
    [{ fp16: true }, /fp16 is TensorRT's/],
    [{ engineCache: '/engines' }, /engine cache is TensorRT's/],
    [{ accelerator: 'cpu', gpus: [0] }, /GPUs are named/],
    [{ threads: 2 }, /threads are of runs on the CPU/],
  ] as [Partial<TritonOptions>, RegExp][])(
    'options that contradict each other: %o',
    async (options, reason) => {
      await writeTinyModel(models, { id: 'tiny' });
      await expect(run(options)).rejects.toThrow(reason);
      expect(await left()).toEqual(['models']);
    },
  );
});

describe('a configuration', () => {
  const manifest = tinyManifest({ id: 'tiny', conditional: true }, new Uint8Array(1), new Uint8Array(1));

  /** As Triton would read it. */
  function written(options: Partial<TritonOptions> = {}, of = manifest): ModelConfig {
    const { diffusion } = tritonConfigs(of, { ...DEFAULT_TRITON_OPTIONS, ...options });
    const parsed = parseModelConfig(writeText(diffusion));
    validateConfig(parsed, diffusion.name);
    return parsed;
  }
  const accelerator = (options: Partial<TritonOptions>) =>
    written(options).optimization?.execution_accelerators?.gpu_execution_accelerator;

  test('joins steps in batches, with a bounded queue and the priorities of our own server', () => {
    const batching = written({ queueDelayMicroseconds: 250, queueSize: 9, queueTimeoutMs: 1500 });
    expect(batching.max_batch_size).toBe(4);
    expect(batching.dynamic_batching).toMatchObject({
      preferred_batch_size: [],
      max_queue_delay_microseconds: 250,
      priority_levels: 199,
      default_priority_level: 100,
      default_queue_policy: {
        timeout_action: 'REJECT',
        default_timeout_microseconds: 1_500_000,
        allow_timeout_override: true,
        max_queue_size: 9,
      },
    });
  });

  test('runs every request alone where bits must not depend on the load', () => {
    expect(written({ batching: false }).dynamic_batching).toBeUndefined();
  });

  test('warms up one image and a full batch, every input with zeros', () => {
    const zeros = (data_type: string, dims: number[]) => ({ data_type, dims, zero_data: true });
    expect(written({ maxBatchSize: 16 }).model_warmup).toMatchObject([
      {
        batch_size: 1,
        inputs: {
          x: zeros('TYPE_FP32', [2, 2, 3]),
          timestep: zeros('TYPE_FP32', [1]),
          label: zeros('TYPE_INT32', [1]),
        },
      },
      { batch_size: 16 },
    ]);
    const single = { ...manifest, max_batch_size: 1 };
    expect(written({}, single).model_warmup.map(({ batch_size }) => batch_size)).toEqual([1]);
  });

  test('runs on the GPUs that are named, or on all', () => {
    expect(written({ instances: 2, gpus: [0, 3] }).instance_group).toMatchObject([
      { kind: 'KIND_GPU', count: 2, gpus: [0, 3] },
    ]);
    expect(written().instance_group).toMatchObject([{ kind: 'KIND_GPU', count: 1, gpus: [] }]);
  });

  test('runs on the CPU with the threads it is given', () => {
    const onCpu = written({ accelerator: 'cpu', instances: 3, threads: 4 });
    expect(onCpu.instance_group).toMatchObject([{ kind: 'KIND_CPU', count: 3, gpus: [] }]);
    expect(onCpu.optimization).toBeNull();
    expect(onCpu.parameters.intra_op_thread_count).toEqual({ string_value: '4' });
  });

  test('tells TensorRT every shape it may meet', () => {
    const shapes = (batch: number) => `x:${batch}x2x2x3,timestep:${batch},label:${batch}`;
    const profile = {
      trt_profile_min_shapes: shapes(1),
      trt_profile_opt_shapes: shapes(8),
      trt_profile_max_shapes: shapes(8),
    };
    expect(accelerator({ accelerator: 'tensorrt', maxBatchSize: 8 })).toEqual([
      { name: 'tensorrt', parameters: { precision_mode: 'FP32', ...profile } },
    ]);
    const kept = accelerator({ accelerator: 'tensorrt', fp16: true, engineCache: '/engines' });
    expect(kept?.[0]?.parameters).toMatchObject({
      precision_mode: 'FP16',
      trt_engine_cache_enable: '1',
      trt_engine_cache_path: '/engines',
    });
  });

  test('spares CUDA the search for the best convolution at each new batch size', () => {
    expect(accelerator({ accelerator: 'cuda' })).toMatchObject([
      { name: 'cuda', parameters: { cudnn_conv_algo_search: 'HEURISTIC' } },
    ]);
  });

  test('has the smaller image of an upsampling model', () => {
    const upsampler = { ...manifest, low_res: { height: 1, width: 2 } };
    expect(written({}, upsampler).input.at(-1)).toMatchObject({ name: 'low_res', dims: [2, 1, 2] });
    const { guided } = tritonConfigs(upsampler, DEFAULT_TRITON_OPTIONS);
    expect(guided?.ensemble_scheduling?.step[0]?.input_map.get('low_res')).toBe('low_res');
  });
});
