import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { parse } from 'yaml';
import { run } from '../../../src/cli/program.ts';
import { writeTinyModel } from '../../server/tiny-model.ts';
import { parseModelConfig } from '../../support/protocol-double/model-config.ts';

let root: string;
let out: string;
let err: string;
beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'cairn-export-'));
  out = '';
  err = '';
  for (const stream of ['stdout', 'stderr'] as const) {
    vi.spyOn(process[stream], 'write').mockImplementation((text) => {
      if (stream === 'stdout') out += text;
      else err += text;
      return true;
    });
  }
  vi.spyOn(console, 'log').mockImplementation((text) => {
    out += `${text}\n`;
  });
  vi.spyOn(console, 'error').mockImplementation((text) => {
    err += `${text}\n`;
  });
  await writeTinyModel(join(root, 'models'), { id: 'tiny' });
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(root, { recursive: true });
});

describe('cairn export triton', () => {
  const repo = () => join(root, 'repo');
  const triton = (...flags: string[]) =>
    run(['export', 'triton', join(root, 'models'), '--out', repo(), ...flags]);

  test('writes the repository and says what is in it', async () => {
    expect(await triton()).toBe(0);
    expect(out).toMatch(/^Wrote tiny, tiny-classifier, tiny-guided to .*repo: 0\.0 MB of graphs\n$/);
    expect(readdirSync(repo()).sort()).toEqual(['tiny', 'tiny-classifier', 'tiny-guided']);
  });

  test('carries every flag into the configuration', async () => {
    const flags =
      '--accelerator tensorrt --fp16 --engine-cache /e --instances 2 --gpus 1,0 --max-batch-size 8 --queue-delay 7 --queue-size 5 --queue-timeout 3';
    expect(await triton(...flags.split(' '))).toBe(0);
    expect(parseModelConfig(readFileSync(join(repo(), 'tiny', 'config.pbtxt'), 'utf8'))).toMatchObject({
      max_batch_size: 8,
      instance_group: [{ kind: 'KIND_GPU', count: 2, gpus: [1, 0] }],
      dynamic_batching: {
        max_queue_delay_microseconds: 7,
        default_queue_policy: { max_queue_size: 5, default_timeout_microseconds: 3000 },
      },
      optimization: {
        execution_accelerators: {
          gpu_execution_accelerator: [
            { parameters: { precision_mode: 'FP16', trt_engine_cache_path: '/e' } },
          ],
        },
      },
    });
  });

  test('writes a KServe manifest beside it', async () => {
    const file = join(root, 'service.yaml');
    expect(await triton('--kserve', file, '--storage-uri', 's3://b/r', '--name', 'digits')).toBe(0);
    const service = parse(readFileSync(file, 'utf8'));
    expect(service.metadata.name).toBe('digits');
    expect(service.spec.predictor.model.storageUri).toBe('s3://b/r');
  });

  test('runs alone with --no-batching, on the CPU without a GPU in the manifest', async () => {
    const file = join(root, 'service.yaml');
    const flags = ['--no-batching', '--accelerator', 'cpu', '--kserve', file, '--storage-uri', 's3://b/r'];
    expect(await triton(...flags)).toBe(0);
    const config = parseModelConfig(readFileSync(join(repo(), 'tiny', 'config.pbtxt'), 'utf8'));
    expect(config.dynamic_batching).toBeUndefined();
    expect(readFileSync(file, 'utf8')).not.toContain('nvidia.com/gpu');
  });

  test.each([
    [['--gpus', '0,0'], 2, /Expected numbers of GPUs with commas between: 0,1/],
    [['--accelerator', 'rocm'], 2, /Allowed choices are cuda, tensorrt, cpu/],
    [['--instances', '0'], 2, /Expected a whole number, 1 or more/],
    [['--kserve', 'x.yaml'], 2, /--kserve and --storage-uri go together/],
    [['--fp16'], 1, /fp16 is TensorRT's choice, but the accelerator is cuda/],
    [['--kserve', 'x.yaml', '--storage-uri', 'a', '--name', 'A'], 1, /can't be the name of a service/],
  ] as const)('%j is refused in one line, and nothing is written', async (flags, code, message) => {
    expect(await triton(...flags)).toBe(code);
    expect(err).toMatch(message);
    expect(err.trimEnd().split('\n').length).toBe(1);
    expect(existsSync(repo())).toBe(false);
  });
});

test('cairn export kserve prints a manifest of our own server', async () => {
  expect(
    await run(['export', 'kserve', '--image', 'i', '--storage-uri', 's3://b/m', '--provider', 'cpu']),
  ).toBe(0);
  const { spec } = parse(out);
  expect(spec.predictor.containers[0].args).toEqual(
    'serve /mnt/models --host 0.0.0.0 --port 8080 --provider cpu'.split(' '),
  );
});

test('deploy/kserve.yaml is what the command writes', async () => {
  const flags =
    '--image registry.example.com/cairn:cuda --storage-uri s3://bucket/models --token-secret cairn-token';
  expect(await run(['export', 'kserve', ...flags.split(' ')])).toBe(0);
  expect(readFileSync(new URL('../../../deploy/kserve.yaml', import.meta.url), 'utf8')).toBe(out);
});
