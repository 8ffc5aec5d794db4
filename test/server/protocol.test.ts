import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ModelManifest } from '../../src/models/manifest.ts';
import { type RunningServer, startServer } from '../../src/server/index.ts';
import { type ClientInput, get, infer } from './protocol-client.ts';
import { writeTinyModel } from './tiny-model.ts';

let modelsDir: string;
let server: RunningServer;
let manifest: ModelManifest;

beforeAll(async () => {
  modelsDir = await mkdtemp(join(tmpdir(), 'cairn-models-'));
  manifest = await writeTinyModel(modelsDir, { id: 'tiny' });
  await writeTinyModel(modelsDir, { id: 'labelled', conditional: true, guided: false });
  server = await startServer({ modelsDir, host: '127.0.0.1', port: 0, threads: 1 });
});

afterAll(async () => {
  await server.close();
  await rm(modelsDir, { recursive: true });
});

const model = (name: string) => `${server.url}/v2/models/${name}`;

const PIXELS = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
const x = (batch = 1): ClientInput => ({
  name: 'x',
  datatype: 'FP32',
  shape: [batch, 2, 2, 3],
  values: Array.from({ length: batch }, () => PIXELS).flat(),
});
const timestep = (...values: number[]): ClientInput => ({
  ...{ name: 'timestep', datatype: 'FP32', shape: [values.length] },
  values,
});
const target = (...values: number[]): ClientInput => ({
  ...{ name: 'target', datatype: 'FP32', shape: [values.length / 3, 3] },
  values,
});
const label = (...values: number[]): ClientInput => ({
  ...{ name: 'label', datatype: 'INT32', shape: [values.length] },
  values,
});
const binary = (input: ClientInput): ClientInput => ({ ...input, binary: true });

/** What the tiny networks make of PIXELS. */
const outputAt = (t: number, plus = 0) => [
  ...PIXELS.map((value) => value * t + plus),
  ...PIXELS.map((value) => value + 1 + plus),
];
const gradientAt = (t: number, weight: number) => PIXELS.map((value) => value * weight + t);

/** Both graphs' SHA-256, as the model's folder says. */
const digest = () => {
  const { diffusion, gradient } = manifest.graphs;
  return `sha256:${diffusion.sha256}+${gradient?.sha256}`;
};

describe('metadata and health', () => {
  test('the server says who it is and that it takes binary tensors', async () => {
    for (const path of ['/v2', '/v2/']) {
      const { status, json } = await get(`${server.url}${path}`);
      expect([status, json]).toEqual([
        200,
        {
          name: 'cairn',
          version: expect.any(String),
          extensions: [
            'binary_tensor_data',
            'schedule_policy',
            'parameters',
            'cairn_exact',
            'cairn_datatype',
          ],
        },
      ]);
    }
  });

  test('a started server is live and ready, and so are its models', async () => {
    for (const path of [
      '/health/live',
      '/health/ready',
      '/models/tiny/ready',
      '/models/tiny/versions/1/ready',
    ]) {
      expect((await get(`${server.url}/v2${path}`)).status).toBe(200);
    }
  });

  test.each(['/v2/models/tiny-guided', '/v2/models/tiny-guided/versions/1'])(
    '%s describes the model',
    async (path) => {
      const float = (name: string, shape: number[]) => ({ name, datatype: 'FP32', shape });
      const { status, json } = await get(`${server.url}${path}`);
      expect([status, json]).toEqual([
        200,
        {
          name: 'tiny-guided',
          versions: ['1'],
          platform: 'onnx_onnxv1',
          inputs: [
            float('x', [-1, 2, 2, 3]),
            float('timestep', [-1]),
            float('target', [-1, 3]),
            { name: 'guided', datatype: 'BOOL', shape: [-1] },
          ],
          outputs: [
            float('output', [-1, 4, 2, 3]),
            float('gradient', [-1, 2, 2, 3]),
            float('log_probs', [-1, 3]),
          ],
          parameters: { digest: digest(), max_batch_size: 4 },
        },
      ]);
    },
  );

  test('a class-conditional model takes a label, and one without a classifier is not served guided', async () => {
    expect((await get(model('labelled'))).json).toMatchObject({
      inputs: [{ name: 'x' }, { name: 'timestep' }, { name: 'label', datatype: 'INT32', shape: [-1] }],
    });
    expect((await get(model('labelled-guided'))).status).toBe(404);
  });

  test.each([
    ['/v2/models/nothing', 'there is no model "nothing"'],
    ['/v2/models/nothing/ready', 'there is no model "nothing"'],
    ['/v2/models/tiny/versions/2', 'model "tiny" has no version "2", only "1"'],
    ['/v3', 'there is no GET /v3'],
  ])('%s is 404', async (path, error) => {
    const { status, json } = await get(`${server.url}${path}`);
    expect([status, json]).toEqual([404, { error }]);
  });
});

describe('inference', () => {
  test('in JSON alone', async () => {
    const { status, headers, json, values } = await infer(model('tiny'), {
      id: 'abc',
      inputs: [x(), timestep(3)],
    });
    expect(status).toBe(200);
    expect(headers.get('content-type')).toBe('application/json');
    expect(headers.has('inference-header-content-length')).toBe(false);
    expect(json).toMatchObject({
      model_name: 'tiny',
      model_version: '1',
      id: 'abc',
      parameters: { digest: digest() },
    });
    expect(json.outputs).toEqual([
      { name: 'output', datatype: 'FP32', shape: [1, 4, 2, 3], data: outputAt(3) },
    ]);
    expect(values.output).toEqual(outputAt(3));
  });

  test('with binary tensors alone', async () => {
    const { headers, json, values } = await infer(`${model('tiny')}/versions/1`, {
      inputs: [binary(x()), binary(timestep(0.5))],
      outputs: [{ name: 'output', binary: true }],
    });
    expect(headers.get('content-type')).toBe('application/octet-stream');
    expect(json).not.toHaveProperty('id');
    expect(values.output).toEqual(outputAt(0.5));
  });

  test('with JSON and binary tensors mixed, in and out, in any order', async () => {
    const { values, json } = await infer(model('tiny-guided'), {
      inputs: [binary(target(1, 1, 0)), timestep(3), binary(x())],
      outputs: [
        { name: 'log_probs', binary: false },
        { name: 'gradient', binary: true },
        { name: 'output', binary: true },
      ],
    });
    expect((json.outputs as { name: string }[]).map(({ name }) => name)).toEqual([
      'log_probs',
      'gradient',
      'output',
    ]);
    expect(values).toEqual({ log_probs: [-1, -1, 0], gradient: gradientAt(3, 2), output: outputAt(3) });
  });

  test('sends every output as binary if binary_data_output asks for it', async () => {
    const { headers, values } = await infer(model('tiny-classifier'), {
      parameters: { binary_data_output: true },
      inputs: [x(), timestep(1), target(0, 0.5, 0)],
    });
    expect(headers.has('inference-header-content-length')).toBe(true);
    expect(values).toEqual({ gradient: gradientAt(1, 0.5), log_probs: [-0, -0.5, -0] });
  });

  test('lets an output say otherwise than binary_data_output', async () => {
    const { json } = await infer(model('tiny-guided'), {
      parameters: { binary_data_output: true },
      inputs: [x(), timestep(1), target(0, 0.5, 0)],
      outputs: [{ name: 'output' }, { name: 'log_probs', binary: false }],
    });
    expect(json.outputs).toMatchObject([
      { name: 'output', parameters: { binary_data_size: 96 } },
      { name: 'log_probs', data: [0, -0.5, 0] },
    ]);
  });

  test('gives all outputs if the list of them is empty', async () => {
    const { values } = await infer(`${model('tiny-classifier')}`, {
      inputs: [x(), timestep(1), target(0, 0.5, 0)],
      more: { outputs: [] },
    });
    expect(Object.keys(values)).toEqual(['gradient', 'log_probs']);
  });

  test('takes data nested like the shape', async () => {
    const nested = { ...x(2), nested: true };
    const { values } = await infer(model('tiny'), { inputs: [nested, timestep(2, 5)] });
    expect(values.output).toEqual([...outputAt(2), ...outputAt(5)]);
  });

  test('takes FP16 where the model takes FP32, and gives FP16 where it is asked for', async () => {
    const half = (input: ClientInput): ClientInput => ({ ...binary(input), datatype: 'FP16' });
    const { json, values } = await infer(model('tiny-guided'), {
      inputs: [half(x()), half(timestep(0.5)), target(1, 0, 0)],
      outputs: [
        { name: 'output', binary: true, parameters: { datatype: 'FP16' } },
        { name: 'gradient', binary: true },
      ],
    });
    expect(json.outputs).toMatchObject([
      { name: 'output', datatype: 'FP16', parameters: { binary_data_size: 48 } },
      { name: 'gradient', datatype: 'FP32', parameters: { binary_data_size: 48 } },
    ]);
    expect(values).toEqual({ output: outputAt(0.5), gradient: gradientAt(0.5, 1) });
  });

  test('refuses FP16 in JSON and a datatype it can not make, before anything runs', async () => {
    const ask = async (binaryData: boolean, datatype: string) => {
      const outputs = [{ name: 'output', binary: binaryData, parameters: { datatype } }];
      const { status, json } = await infer(model('tiny'), { inputs: [x(), timestep(1)], outputs });
      return [status, json.error];
    };
    expect(await ask(false, 'FP16')).toEqual([400, expect.stringMatching(/"output": FP16 has no JSON form/)]);
    expect(await ask(true, 'FP64')).toEqual([400, expect.stringMatching(/FP32 and can't be had as FP64/)]);
    expect(await ask(true, 'half')).toEqual([400, expect.stringMatching(/unsupported datatype "half"/)]);
  });

  test('takes the INT64 labels that numpy makes, in JSON and binary', async () => {
    const wide: ClientInput = { ...label(1, 2), datatype: 'INT64' };
    for (const labels of [wide, binary(wide)]) {
      const { values } = await infer(model('labelled'), { inputs: [x(2), timestep(2, 5), labels] });
      expect(values.output).toEqual([...outputAt(2, 1), ...outputAt(5, 2)]);
    }
    const large = binary({ ...label(1, 2 ** 32), datatype: 'INT64' });
    const { status, json } = await infer(model('labelled'), { inputs: [x(2), timestep(2, 5), large] });
    expect([status, json.error]).toEqual([400, 'input "label": a number is too large for INT32']);
  });

  test('leaves fields and parameters that it does not know to others', async () => {
    const { status, values } = await infer(model('tiny'), {
      parameters: { sequence_id: 0, my_own: 'x' },
      more: { model_name: 'tiny', raw_input_contents: [] },
      inputs: [x(), timestep(3)],
    });
    expect([status, values.output]).toEqual([200, outputAt(3)]);
  });

  test('takes priority, timeout, owner and exact', async () => {
    for (const parameters of [
      { priority: 1, timeout: 60_000_000, owner: 'job-1' },
      { priority: 0, timeout: 0, job: 'job-2' },
      { exact: true },
    ]) {
      const { values } = await infer(model('tiny'), { parameters, inputs: [x(), timestep(3)] });
      expect(values.output).toEqual(outputAt(3));
    }
  });

  test.each<[string, Record<string, unknown>, RegExp]>([
    [
      'a priority of half',
      { priority: 0.5 },
      /parameters.priority must be a whole number, 0 or more, not 0.5/,
    ],
    ['a negative timeout', { timeout: -1 }, /parameters.timeout must be a whole number/],
    ['an owner without a name', { owner: '' }, /parameters.owner must be a string of 1 to 200 characters/],
    ['two owners', { owner: 'a', job: 'b' }, /parameters.owner and parameters.job are the same/],
    ['an exactness of no truth', { exact: 'yes' }, /parameters.exact must be true or false, not "yes"/],
    ['a parameter that is a list', { mine: [1] }, /parameters.mine must be a string, a number or a boolean/],
  ])('with %s is 400', async (_, parameters, reason) => {
    const { status, json } = await infer(model('tiny'), { parameters, inputs: [x(), timestep(3)] });
    expect([status, json.error]).toEqual([400, expect.stringMatching(reason)]);
  });

  test('of a body in an encoding is 415, and with GET it is 404', async () => {
    const { status, json } = await infer(model('tiny'), {
      inputs: [x(), timestep(3)],
      headers: { 'Content-Encoding': 'gzip' },
    });
    expect([status, json.error]).toEqual([415, expect.stringMatching(/Content-Encoding is not supported/)]);
    expect((await get(`${model('tiny')}/infer`)).status).toBe(404);
  });

  test('sends only the outputs asked for', async () => {
    const outputs = [{ name: 'gradient', binary: true }];
    const { values } = await infer(model('tiny-guided'), {
      inputs: [x(), timestep(1), target(0, 1, 0)],
      outputs,
    });
    expect(Object.keys(values)).toEqual(['gradient']);
  });

  test('gives each image of a batch its own timestep and label', async () => {
    const { values } = await infer(model('labelled'), { inputs: [x(2), timestep(2, 5), label(1, 2)] });
    expect(values.output).toEqual([...outputAt(2, 1), ...outputAt(5, 2)]);
  });

  test('answers many at once, each with its own', async () => {
    const steps = Array.from({ length: 40 }, (_, i) => i);
    const answers = await Promise.all(steps.map((t) => infer(model('tiny'), { inputs: [x(), timestep(t)] })));
    for (const t of steps) expect(answers[t]?.values.output).toEqual(outputAt(t));
  });

  test.each<[string, string, ClientInput[], RegExp]>([
    ['a missing input', 'tiny', [x()], /input "timestep" is missing/],
    [
      'an input of another model',
      'tiny',
      [x(), timestep(1), target(1, 0, 0)],
      /"tiny" has no input "target"/,
    ],
    ['a wrong datatype', 'tiny', [{ ...x(), datatype: 'INT32' }, timestep(1)], /"x" is INT32, expected FP32/],
    ['more digits than the model', 'tiny', [{ ...x(), datatype: 'FP64' }, timestep(1)], /"x" is FP64/],
    [
      'a wrong shape',
      'tiny',
      [{ ...x(), shape: [1, 3, 2, 2] }, timestep(1)],
      /shape \[1,3,2,2\], expected \[1,2,2,3\]/,
    ],
    ['batches that differ', 'tiny', [x(2), timestep(1)], /"timestep" has shape \[1\], expected \[2\]/],
    ['an empty batch', 'tiny', [x(0), timestep()], /a batch of 0: model "tiny" takes 1 to 4/],
    ['too large a batch', 'tiny', [x(5), timestep(1, 2, 3, 4, 5)], /a batch of 5: model "tiny" takes 1 to 4/],
    [
      'a label that is no class',
      'labelled',
      [x(), timestep(1), label(3)],
      /"label": 3 at index 0, expected 0 to 2/,
    ],
    ['a negative label', 'labelled', [x(), timestep(1), binary(label(-1))], /"label": -1 at index 0/],
  ])('with %s is 400 with the reason', async (_, name, inputs, reason) => {
    const { status, json } = await infer(model(name), { inputs });
    expect(status).toBe(400);
    expect(json).toEqual({ error: expect.stringMatching(reason) });
  });

  test('with an output the model does not have is 400', async () => {
    const outputs = [{ name: 'logits', binary: true }];
    const { status, json } = await infer(model('tiny'), { inputs: [x(), timestep(1)], outputs });
    expect([status, json.error]).toEqual([
      400,
      'model "tiny" has no output "logits"; its outputs are output',
    ]);
  });

  test('with a malformed request is 400', async () => {
    const response = await fetch(`${model('tiny')}/infer`, { method: 'POST', body: '{"inputs":' });
    expect([response.status, await response.json()]).toEqual([
      400,
      { error: expect.stringMatching(/the JSON part can't be read/) },
    ]);
  });

  test('of an unknown model is 404', async () => {
    const { status, json } = await infer(model('nothing'), { inputs: [] });
    expect([status, json.error]).toEqual([404, 'there is no model "nothing"']);
  });

  test('gives NaN back as binary data and refuses to say it in JSON', async () => {
    const inputs = [binary(x()), binary(timestep(Number.NaN))];
    const asBlob = await infer(model('tiny'), { inputs, outputs: [{ name: 'output', binary: true }] });
    expect(asBlob.values.output?.slice(0, 2)).toEqual([Number.NaN, Number.NaN]);
    const asJson = await infer(model('tiny'), { inputs });
    expect([asJson.status, asJson.json.error]).toEqual([500, expect.stringMatching(/element 0 is NaN/)]);
  });
});

describe('limits and access', () => {
  test('a body over the limit is 413, with and without a declared length', async () => {
    const small = await startServer({
      modelsDir,
      host: '127.0.0.1',
      port: 0,
      threads: 1,
      limits: { maxBodyBytes: 1000 },
    });
    const url = `${small.url}/v2/models/tiny/infer`;
    const stream = new Blob([new Uint8Array(2000)]).stream();
    for (const init of [{ body: new Uint8Array(2000) }, { body: stream, duplex: 'half' as const }]) {
      const response = await fetch(url, { method: 'POST', ...init });
      expect([response.status, await response.json()]).toEqual([
        413,
        { error: 'the body has more than 1000 bytes' },
      ]);
    }
    await small.close();
  });

  test('with a token everything but health needs it', async () => {
    const guarded = await startServer({
      modelsDir,
      host: '127.0.0.1',
      port: 0,
      threads: 1,
      tokens: ['secret'],
    });
    const inputs = [x(), timestep(1)];
    const ask = (headers: Record<string, string>) =>
      infer(`${guarded.url}/v2/models/tiny`, { inputs, headers });
    expect((await ask({ authorization: 'Bearer secret' })).status).toBe(200);
    for (const headers of [{}, { authorization: 'Bearer wrong' }]) {
      const { status, json } = await ask(headers);
      expect(status === 200).toBe(false);
      expect([status, json]).toEqual([401, { error: expect.stringContaining('Authorization: Bearer') }]);
    }
    expect((await fetch(`${guarded.url}/v2/health/ready`)).status).toBe(200);
    await guarded.close();
  });
});
