import { appendFile, cp, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import type { NamedTensor } from '../../src/inference/oip/tensor.ts';
import { ProviderError } from '../../src/server/engine/engine-error.ts';
import type { ModelOptions } from '../../src/server/model-options.ts';
import type { ModelRepository, RepositoryOptions } from '../../src/server/model-repository.ts';
import { DEFAULT_SCHEDULE } from '../../src/server/model-runner.ts';
import { openRepository } from './repository.ts';
import { CLASSES, IMAGE, writeTinyModel } from './tiny-model.ts';

const PATIENT = { timeout: 20_000, interval: 20 };

let dir: string;
/** Where folders are made before they are moved into `dir`. */
let workshop: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'cairn-models-'));
  workshop = await mkdtemp(join(tmpdir(), 'cairn-workshop-'));
});
afterEach(async () => {
  for (const folder of [dir, workshop]) await rm(folder, { recursive: true, force: true });
});

async function open(flags?: ModelOptions, options?: Partial<RepositoryOptions>) {
  const opened = await openRepository(dir, flags, options);
  onTestFinished(() => opened.repository.close());
  return opened;
}

/** @returns the pixel that comes first; 2 * timestep for an unconditional tiny model */
async function infer(repository: ModelRepository, name: string, timestep = 3): Promise<number> {
  const runner = repository.models.get(name);
  if (runner === undefined) throw new Error(`no model ${name}`);
  const { channels, height, width } = IMAGE;
  const float = (input: string, shape: number[], value: number) => {
    const data = new Float32Array(shape.reduce((product, dim) => product * dim, 1)).fill(value);
    return [input, { name: input, datatype: 'FP32' as const, shape, data }] as const;
  };
  const inputs = new Map<string, NamedTensor>([
    float('x', [1, channels, height, width], 2),
    float('timestep', [1], timestep),
    float('target', [1, CLASSES], 1),
  ]);
  inputs.set('label', { name: 'label', datatype: 'INT32', shape: [1], data: Int32Array.of(1) });
  const own = runner.signature.inputs.filter(({ optional }) => !optional).map((input) => input.name);
  const [output] = await runner.infer(
    new Map(own.map((input) => [input, inputs.get(input)!])),
    [runner.signature.outputs[0]!.name],
    { signal: new AbortController().signal, schedule: DEFAULT_SCHEDULE },
  );
  return (output!.data as Float32Array)[0]!;
}

/** Asks without a pause, several at a time, until it is told to stop. */
function load(repository: ModelRepository, name: string) {
  let stopped = false;
  const answers: number[] = [];
  const client = async () => {
    while (!stopped) answers.push(await infer(repository, name));
  };
  const clients = Promise.all([client(), client(), client(), client()]);
  return {
    answers,
    stop: async () => {
      stopped = true;
      await clients;
    },
  };
}

describe('a folder that appears', () => {
  test('is served once it is loaded, the others meanwhile', async () => {
    await writeTinyModel(dir, { id: 'first' });
    const { repository, lines } = await open();
    const running = load(repository, 'first');
    await writeTinyModel(workshop, { id: 'second' });
    await rename(join(workshop, 'second'), join(dir, 'second'));
    await vi.waitFor(() => expect(repository.isReady('second-guided')).toBe(true), PATIENT);
    await running.stop();
    expect(await infer(repository, 'second-guided')).toBe(6);
    expect([...new Set(running.answers)]).toEqual([6]);
    expect(lines).toEqual(['added second']);
  });

  test('file by file is served when it is whole', async () => {
    const { repository } = await open();
    await writeTinyModel(workshop, { id: 'slow' });
    const [from, to] = [join(workshop, 'slow'), join(dir, 'slow')];
    await cp(from, to, { recursive: true, filter: (path) => !path.endsWith('.onnx') });
    await vi.waitFor(() => expect(repository.refused.map(({ folder }) => folder)).toEqual([to]), PATIENT);
    await cp(from, to, { recursive: true });
    await vi.waitFor(() => expect(repository.isReady('slow')).toBe(true), PATIENT);
    expect(repository.refused).toEqual([]);
  });

  test('with names that another folder gives is refused', async () => {
    await writeTinyModel(dir, { id: 'a' });
    const { repository, lines } = await open();
    await writeTinyModel(dir, { id: 'a-guided', conditional: true });
    await vi.waitFor(
      () => expect(lines.join()).toMatch(/another folder already gives a model "a-guided"/),
      PATIENT,
    );
    expect(await infer(repository, 'a-guided')).toBe(6);
  });
});

describe('a folder that is replaced', () => {
  test('changes over between two requests, and none of them fails', async () => {
    await writeTinyModel(dir, { id: 'm' });
    const { repository, lines } = await open();
    const running = load(repository, 'm');
    const digest = repository.models.get('m')!.signature.digest;
    await writeTinyModel(workshop, { id: 'm', conditional: true });
    await rename(join(dir, 'm'), join(workshop, 'old'));
    await rename(join(workshop, 'm'), join(dir, 'm'));
    await vi.waitFor(() => expect(lines).toEqual(['replaced m']), PATIENT);
    await vi.waitFor(() => expect(running.answers.at(-1)).toBe(7), PATIENT);
    await running.stop();
    // The new model adds the label, 1: first only 6, then only 7.
    expect(running.answers.indexOf(7)).toBe(running.answers.lastIndexOf(6) + 1);
    expect(new Set(running.answers)).toEqual(new Set([6, 7]));
    for (const name of ['m', 'm-guided', 'm-classifier']) {
      expect(repository.models.get(name)!.signature.digest).not.toBe(digest);
    }
  });

  test('serves whoever has found the old model before', async () => {
    await writeTinyModel(dir, { id: 'm' });
    const { repository, lines } = await open({}, { lingerMs: 60_000 });
    const found = new Map([['m', repository.models.get('m')!]]);
    await writeTinyModel(dir, { id: 'm', conditional: true });
    await vi.waitFor(() => expect(lines.at(-1)).toBe('replaced m'), PATIENT);
    const old = { models: found } as unknown as ModelRepository;
    expect([await infer(old, 'm'), await infer(repository, 'm')]).toEqual([6, 7]);
  });

  test.each<[string, (folder: string) => Promise<void>, RegExp]>([
    ['a broken model.json', (folder) => writeFile(join(folder, 'model.json'), '{'), /is not JSON/],
    [
      'another graph than described',
      (folder) => appendFile(join(folder, 'diffusion.onnx'), 'x'),
      /has \d+ bytes/,
    ],
    [
      'a graph that does not fit',
      async (folder) => {
        const path = join(folder, 'model.json');
        const manifest = JSON.parse(await readFile(path, 'utf8'));
        await writeFile(path, JSON.stringify({ ...manifest, class_conditional: true }));
      },
      /the graph's inputs are/,
    ],
  ])('by %s is refused, and the old model stays', async (_, spoil, reason) => {
    await writeTinyModel(dir, { id: 'm' });
    const { repository, lines } = await open();
    const running = load(repository, 'm');
    await spoil(join(dir, 'm'));
    await vi.waitFor(() => expect(lines.join()).toMatch(reason), PATIENT);
    await running.stop();
    expect(lines).toEqual([expect.stringMatching(/^refused .*; the model it held before stays$/)]);
    expect(await infer(repository, 'm')).toBe(6);
    expect(new Set(running.answers)).toEqual(new Set([6]));

    await writeTinyModel(dir, { id: 'm' });
    await vi.waitFor(() => expect(lines.at(-1)).toBe('replaced m'), PATIENT);
    expect(repository.refused).toEqual([]);
  });
});

describe('a folder that goes away', () => {
  test('takes its models along', async () => {
    await writeTinyModel(dir, { id: 'stays' });
    await writeTinyModel(dir, { id: 'goes' });
    const { repository, lines } = await open();
    await rm(join(dir, 'goes'), { recursive: true });
    await vi.waitFor(() => expect(lines).toEqual(['removed goes']), PATIENT);
    expect([...repository.models.keys()]).toEqual(['stays', 'stays-classifier', 'stays-guided']);
    expect(repository.isReady('goes')).toBe(false);
  });

  test('with all the others, as a share does that is not there, changes nothing', async () => {
    await writeTinyModel(dir, { id: 'm' });
    const { repository, lines } = await open();
    const away = `${dir}-away`;
    await rename(dir, away);
    await vi.waitFor(() => expect(lines.join()).toMatch(/can't look for models, all stay/), PATIENT);
    expect(await infer(repository, 'm')).toBe(6);
    await rename(away, dir);
  });
});

test('without a watch nothing changes', async () => {
  await writeTinyModel(dir, { id: 'm' });
  const { repository } = await open({}, { watch: null });
  await rm(join(dir, 'm'), { recursive: true });
  await new Promise((resolve) => setTimeout(resolve, 500));
  expect(await infer(repository, 'm')).toBe(6);
});

test.each(['cuda', 'tensorrt', 'webgpu'] as const)(
  'a model runs on %s or the start fails with what to do: never on the CPU instead',
  async (provider) => {
    await writeTinyModel(dir, { id: 'm' });
    const started = await open({ provider }).catch((error: unknown) => error);
    if (started instanceof Error) {
      expect(started).toBeInstanceOf(ProviderError);
      expect(started.message).toMatch(
        new RegExp(`^can't run on ${provider}: .* \\(docs/serving.md, "Execution providers"\\)$`),
      );
    } else {
      expect(await infer((started as { repository: ModelRepository }).repository, 'm')).toBe(6);
    }
  },
);
