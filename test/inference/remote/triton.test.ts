/** From model folders to answers: the exported repository, a double of Triton on it, and our client. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { DEFAULT_TRITON_OPTIONS } from '../../../src/export/triton/options.ts';
import { exportTriton } from '../../../src/export/triton/repository.ts';
import { BackendError, type EvaluationRequest } from '../../../src/inference/backend.ts';
import { RemoteBackend } from '../../../src/inference/remote/remote-backend.ts';
import type { ModelManifest } from '../../../src/models/manifest.ts';
import { type ClientInput, infer } from '../../server/protocol-client.ts';
import { writeTinyModel } from '../../server/tiny-model.ts';
import { type ProtocolDouble, startProtocolDouble } from '../../support/protocol-double/index.ts';

let folder: string;
let double: ProtocolDouble;
let backend: RemoteBackend;
let manifests: Map<string, ModelManifest>;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cairn-triton-'));
  const models = join(folder, 'models');
  manifests = new Map([
    ['plain', await writeTinyModel(models, { id: 'plain' })],
    ['labelled', await writeTinyModel(models, { id: 'labelled', conditional: true })],
  ]);
  const out = join(folder, 'repo');
  await exportTriton({ ...DEFAULT_TRITON_OPTIONS, accelerator: 'cpu', models, out });
  double = await startProtocolDouble(out);
});
afterAll(async () => {
  await double.close();
  await rm(folder, { recursive: true });
});
beforeEach(() => {
  double.requests.length = 0;
  double.full = false;
  const findModel = (id: string) => manifests.get(id) ?? null;
  backend = new RemoteBackend({ url: double.url, timeoutMs: 10_000, findModel });
});

const PIXELS = 2 * 2 * 3;
const x = Float32Array.from({ length: 2 * PIXELS }, (_, i) => i / 4);

/** Two images at timesteps 3 and 7. */
const unguided: EvaluationRequest = {
  model: 'plain',
  shape: [2, 2, 2, 3],
  x,
  timestep: Float32Array.of(3, 7),
};
const target = Float32Array.of(0, 1, 0, 0, 0, 0.5);

/** What tiny-model.ts says of its graphs. */
function expectedOutput(labels: readonly [number, number] = [0, 0]): Float32Array {
  const values: number[] = [];
  for (const [image, timestep] of [3, 7].entries()) {
    const own = [...x.slice(image * PIXELS, (image + 1) * PIXELS)];
    for (const value of own) values.push(value * timestep + labels[image]!);
    for (const value of own) values.push(value + 1 + labels[image]!);
  }
  return Float32Array.from(values);
}
const expectedGradient = Float32Array.from(x, (value, i) => (i < PIXELS ? value * 1 + 3 : value * 0.5 + 7));

/** The JSON part of a request that came. */
function sent(index: number): { inputs: { name: string; shape: number[] }[] } {
  const { headers, body } = double.requests.at(index)!;
  const length = Number(headers['inference-header-content-length']);
  return JSON.parse(body.subarray(0, length).toString('utf8'));
}

describe('a step on Triton', () => {
  test('comes from the U-Net, each image at its own timestep', async () => {
    const answer = await backend.evaluate(unguided);
    expect(answer.modelOutput).toEqual(expectedOutput());
    expect(answer.gradient).toBeNull();
  });

  test('has its gradient from the ensemble, in one call', async () => {
    await backend.evaluate(unguided);
    double.requests.length = 0;
    const answer = await backend.evaluate({ ...unguided, target });
    expect(answer.modelOutput).toEqual(expectedOutput());
    expect(answer.gradient).toEqual(expectedGradient);
    expect(double.requests.at(-1)!.path).toBe('/v2/models/plain-guided/infer');
  });

  test('takes class labels', async () => {
    const labelled = { ...unguided, model: 'labelled', label: Int32Array.of(2, 1), target };
    const answer = await backend.evaluate(labelled);
    expect(answer.modelOutput).toEqual(expectedOutput([2, 1]));
    expect(answer.gradient).toEqual(expectedGradient);
  });

  test('gives what is one number per image as [N, 1], and costs one call once that is known', async () => {
    await backend.evaluate(unguided);
    expect(sent(-1).inputs.map(({ name, shape }) => [name, shape])).toEqual([
      ['x', [2, 2, 2, 3]],
      ['timestep', [2, 1]],
    ]);
    double.requests.length = 0;
    await backend.evaluate(unguided);
    expect(double.requests.length).toBe(1);
  });

  test('is not taken from another model than the job began with', async () => {
    const plain = manifests.get('plain')!;
    const { diffusion } = plain.graphs;
    const findModel = () => ({ ...plain, graphs: { diffusion } });
    backend = new RemoteBackend({ url: double.url, timeoutMs: 10_000, findModel });
    const error = await backend.evaluate(unguided).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ kind: 'wrong_model' });
    expect((error as Error).message).toMatch(
      /has plain as "sha256:.*", but the job began with "sha256:.*none"/,
    );
  });

  test('is tried again where the queue is full', async () => {
    double.full = true;
    const error = await backend.evaluate(unguided).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(BackendError);
    expect(error).toMatchObject({ kind: 'unavailable', retryable: true });
    expect((error as Error).message).toMatch(/503 Exceeds maximum queue size$/);
  });

  test('is not tried again where the batch is too large', async () => {
    const five = { ...unguided, shape: [5, 2, 2, 3] as const, x: new Float32Array(5 * PIXELS) };
    const error = await backend
      .evaluate({ ...five, timestep: new Float32Array(5) })
      .catch((reason: unknown) => reason);
    expect(error).toMatchObject({ kind: 'rejected', retryable: false });
    expect((error as Error).message).toMatch(/400 inference request batch-size must be <= 4 for 'plain'/);
  });
});

/** A repository of somebody's own: its graphs take x and answer in FP16. Cairn exports none of these. */
describe('a step in half precision', () => {
  let halves: ProtocolDouble;
  const step: EvaluationRequest = { ...unguided, x: x.map((value) => value / 3), precision: 'fp16' };
  const asked = (url: string, fp16: boolean) =>
    new RemoteBackend({ url, timeoutMs: 10_000, fp16, findModel: (id) => manifests.get(id) ?? null });

  beforeAll(async () => {
    const models = join(folder, 'half-models');
    manifests.set('half', await writeTinyModel(models, { id: 'half', imageType: 'float16' }));
    const out = join(folder, 'half-repo');
    await exportTriton({ ...DEFAULT_TRITON_OPTIONS, accelerator: 'cpu', models, out });
    for (const model of await readdir(out)) {
      const path = join(out, model, 'config.pbtxt');
      const images = /((?:name|key): "(?:x|output|gradient)"\s+(?:value \{\s+)?data_type: )TYPE_FP32/g;
      await writeFile(path, (await readFile(path, 'utf8')).replace(images, '$1TYPE_FP16'));
    }
    halves = await startProtocolDouble(out);
  });
  afterAll(() => halves.close());

  test('goes there and comes back as FP16, and is the bits that a server in FP32 gives', async () => {
    const there = await asked(halves.url, true).evaluate({ ...step, model: 'half', target });
    const { headers, body } = halves.requests.at(-1)!;
    const head = JSON.parse(
      body.subarray(0, Number(headers['inference-header-content-length'])).toString('utf8'),
    );
    expect(head.inputs[0]).toMatchObject({
      ...{ name: 'x', datatype: 'FP16', parameters: { binary_data_size: 2 * 2 * PIXELS } },
    });
    // In half the bytes of the answer's float32: twice x and once x, for two images.
    expect(there.wire!.received).toBeLessThan(4 * 3 * 2 * PIXELS + 400);
    const here = await asked(double.url, false).evaluate({ ...step, target });
    expect(there.modelOutput).toEqual(here.modelOutput);
    expect(there.gradient).toEqual(here.gradient);
    expect(there.modelOutput).not.toEqual(
      (await backend.evaluate({ ...step, precision: 'fp32' })).modelOutput,
    );
  });

  test('is refused in FP32 where the graphs take FP16, and the other way round, and not tried again', async () => {
    for (const [url, fp16, model] of [
      [halves.url, false, 'half'],
      [double.url, true, 'plain'],
    ] as const) {
      const error = await asked(url, fp16)
        .evaluate({ ...step, model })
        .catch((reason: unknown) => reason);
      const [sends, takes] = fp16 ? ['FP16', 'FP32'] : ['FP32', 'FP16'];
      expect(error).toMatchObject({ kind: 'rejected', retryable: false });
      expect((error as Error).message).toContain(
        `inference input 'x' data-type is '${sends}', but model '${model}' expects '${takes}'`,
      );
    }
  });

  test('has no form in JSON, in neither direction', async () => {
    const inputs = (binary: boolean): ClientInput[] => [
      { name: 'x', datatype: 'FP16', shape: [1, 2, 2, 3], values: new Array(PIXELS).fill(0.1), binary },
      { name: 'timestep', datatype: 'FP32', shape: [1, 1], values: [5], binary: true },
    ];
    const ask = async (binaryInput: boolean, binary: boolean) => {
      const options = { inputs: inputs(binaryInput), outputs: [{ name: 'output', binary }] };
      const { status, json, values } = await infer(`${halves.url}/v2/models/half`, options);
      return [status, json.error ?? values.output!.slice(0, 1)];
    };
    expect(await ask(true, true)).toEqual([200, [Math.f16round(5 * Math.f16round(0.1))]]);
    expect(await ask(false, true)).toEqual([400, expect.stringMatching(/^receiving FP16 data via JSON/)]);
    expect(await ask(true, false)).toEqual([400, expect.stringMatching(/^sending FP16 data via JSON/)]);
  });
});

/** Made by hand from the specification, so that the double is known to be strict. */
describe('the double refuses', () => {
  const inputs = (over: Partial<Record<string, Partial<ClientInput>>> = {}): ClientInput[] => [
    {
      name: 'x',
      datatype: 'FP32',
      shape: [1, 2, 2, 3],
      values: new Array(PIXELS).fill(1),
      binary: true,
      ...over.x,
    },
    { name: 'timestep', datatype: 'FP32', shape: [1, 1], values: [5], binary: true, ...over.timestep },
  ];
  const ask = (options: Parameters<typeof infer>[1], model = 'plain') =>
    infer(`${double.url}/v2/models/${model}`, options);

  test.each([
    [
      { timestep: { shape: [1] } },
      /^unexpected shape for input 'timestep' for model 'plain'. Expected \[-1,1\], got \[1\]/,
    ],
    [
      { timestep: { shape: [2, 1], values: [5, 5] } },
      /^input 'timestep' batch size does not match other inputs/,
    ],
    [{ timestep: { name: 't' } }, /^unexpected inference input 't' for model 'plain'/],
    [{ timestep: { datatype: 'INT32' } }, /data-type is 'INT32', but model 'plain' expects 'FP32'/],
    [{ timestep: { values: [5, 6] } }, /^input byte size mismatch for input 'timestep' .* Expected 4, got 8/],
    [{ x: { binary: false, values: [1] } }, /Shape does not match/],
  ] as const)('inputs that differ by %o', async (over, message) => {
    const answer = await ask({ inputs: inputs(over as Parameters<typeof inputs>[0]) });
    expect(answer.status).toBe(400);
    expect(answer.json.error).toMatch(message);
  });

  test('a missing input, an unknown output, an unknown model, a version that is not there', async () => {
    const missing = await ask({ inputs: inputs().slice(0, 1) });
    expect([missing.status, missing.json.error]).toEqual([
      400,
      expect.stringMatching(/^expected 2 inputs but got 1 inputs for model 'plain'/),
    ]);
    const output = await ask({ inputs: inputs(), outputs: [{ name: 'y', binary: true }] });
    expect([output.status, output.json.error]).toEqual([
      400,
      "unexpected inference output 'y' for model 'plain'",
    ]);
    const model = await ask({ inputs: inputs() }, 'other');
    expect([model.status, model.json.error]).toEqual([
      404,
      "Request for unknown model: 'other' is not found",
    ]);
    expect((await ask({ inputs: inputs() }, 'plain/versions/2')).status).toBe(404);
  });

  test('bytes that no input claims, and a length beyond the body', async () => {
    const json = JSON.stringify({ inputs: [] });
    const post = (length: number, body: string) =>
      fetch(`${double.url}/v2/models/plain/infer`, {
        method: 'POST',
        headers: { 'Inference-Header-Content-Length': String(length) },
        body,
      }).then(async (response) => [response.status, ((await response.json()) as { error: string }).error]);
    expect(await post(json.length, `${json}0000`)).toEqual([
      400,
      "unexpected additional input data for model 'plain'",
    ]);
    expect(await post(json.length + 1, json)).toEqual([400, expect.stringMatching(/header length/)]);
  });

  test('nothing of a right request, and frames the answer only if some of it is binary', async () => {
    const plain = await ask({ inputs: inputs() });
    expect(plain.headers.get('inference-header-content-length')).toBeNull();
    expect(plain.values.output).toEqual([...new Array(PIXELS).fill(5), ...new Array(PIXELS).fill(2)]);
    const framed = await ask({ inputs: inputs(), outputs: [{ name: 'output', binary: true }], id: 'a' });
    expect(framed.headers.get('inference-header-content-length')).not.toBeNull();
    expect(framed.json).toMatchObject({ id: 'a', model_name: 'plain', model_version: '1' });
    expect(framed.values.output).toEqual(plain.values.output);
  });
});
