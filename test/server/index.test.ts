import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type RunningServer, startServer } from '../../src/server/index.ts';
import { type ClientInput, infer } from './protocol-client.ts';
import { writeTinyModel } from './tiny-model.ts';

let modelsDir: string;
let server: RunningServer;

beforeAll(async () => {
  modelsDir = await mkdtemp(join(tmpdir(), 'cairn-models-'));
  await writeTinyModel(modelsDir, { id: 'tiny' });
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

async function get(path: string): Promise<{ status: number; json: unknown }> {
  const response = await fetch(`${server.url}${path}`);
  return { status: response.status, json: await response.json() };
}

describe('metadata and health', () => {
  test('the server says who it is and that it takes binary tensors', async () => {
    expect(await get('/v2')).toEqual({
      status: 200,
      json: { name: 'cairn', version: expect.any(String), extensions: ['binary_tensor_data'] },
    });
  });

  test('a started server is live and ready, and so are its models', async () => {
    for (const path of [
      '/health/live',
      '/health/ready',
      '/models/tiny/ready',
      '/models/tiny/versions/1/ready',
    ]) {
      expect((await get(`/v2${path}`)).status).toBe(200);
    }
  });

  test.each(['/v2/models/tiny-guided', '/v2/models/tiny-guided/versions/1'])(
    '%s describes the model',
    async (path) => {
      const float = (name: string, shape: number[]) => ({ name, datatype: 'FP32', shape });
      expect(await get(path)).toEqual({
        status: 200,
        json: {
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
        },
      });
    },
  );

  test('a class-conditional model takes a label, and one without a classifier is not served guided', async () => {
    expect((await get('/v2/models/labelled')).json).toMatchObject({
      inputs: [{ name: 'x' }, { name: 'timestep' }, { name: 'label', datatype: 'INT32', shape: [-1] }],
    });
    expect((await get('/v2/models/labelled-guided')).status).toBe(404);
  });

  test.each([
    ['/v2/models/nothing', 'there is no model "nothing"'],
    ['/v2/models/nothing/ready', 'there is no model "nothing"'],
    ['/v2/models/tiny/versions/2', 'model "tiny" has no version "2", only "1"'],
    ['/v3', 'there is no GET /v3'],
  ])('%s is 404', async (path, error) => {
    expect(await get(path)).toEqual({ status: 404, json: { error } });
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
    expect(json).toMatchObject({ model_name: 'tiny', model_version: '1', id: 'abc' });
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
      maxBodyBytes: 1000,
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
    const guarded = await startServer({ modelsDir, host: '127.0.0.1', port: 0, threads: 1, token: 'secret' });
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

describe('loading', () => {
  const load = async (dir: string) => {
    const lines: string[] = [];
    const started = await startServer({
      modelsDir: dir,
      host: '127.0.0.1',
      port: 0,
      log: (line) => lines.push(line),
    });
    await started.close();
    return { lines, models: started.models };
  };

  test('a file that is not the one model.json describes is refused, and the other models are served', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'cairn-models-'));
    await writeTinyModel(dir, { id: 'good' });
    const swapped = await writeTinyModel(dir, { id: 'swapped' });
    const same = new Uint8Array(swapped.graphs.diffusion.bytes);
    await writeFile(join(dir, 'swapped', 'diffusion.onnx'), same);
    await writeTinyModel(dir, { id: 'longer' });
    await appendFile(join(dir, 'longer', 'gradient.onnx'), 'x');
    await writeTinyModel(dir, { id: 'renamed' });
    await writeFile(join(dir, 'renamed', 'model.json'), JSON.stringify({ ...swapped, id: 'other' }));
    await mkdir(join(dir, 'broken'));
    await writeFile(join(dir, 'broken', 'model.json'), '{');
    await mkdir(join(dir, 'not-a-model'));

    const { lines, models } = await load(dir);
    expect(models).toEqual(['good', 'good-classifier', 'good-guided']);
    expect(lines).toEqual([
      expect.stringMatching(/refused .*broken: .*model.json is not JSON/),
      expect.stringMatching(/refused .*longer: .*gradient.onnx has \d+ bytes, model.json says \d+/),
      expect.stringMatching(/refused .*renamed: .*id is "other" but the folder is "renamed"/),
      expect.stringMatching(/refused .*swapped: .*diffusion.onnx has SHA-256 [0-9a-f]{64}, model.json says/),
    ]);
    await rm(dir, { recursive: true });
  });

  test('a graph whose inputs are not those of model.json is refused', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'cairn-models-'));
    const manifest = await writeTinyModel(dir, { id: 'mixed-up' });
    const json = { ...manifest, class_conditional: true };
    await writeFile(join(dir, 'mixed-up', 'model.json'), JSON.stringify(json));
    await expect(load(dir)).rejects.toThrow(
      /no model to serve in .*\n.*mixed-up: the graph's inputs are .*label/,
    );
    await rm(dir, { recursive: true });
  });

  test('an empty folder, a missing folder and a taken port each say so', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'cairn-models-'));
    await expect(load(dir)).rejects.toThrow(/no model to serve in .*: no folder there has a model.json/);
    await expect(load(join(dir, 'missing'))).rejects.toThrow(/ENOENT.*missing/);
    const port = Number(new URL(server.url).port);
    await expect(startServer({ modelsDir, host: '127.0.0.1', port })).rejects.toThrow(/EADDRINUSE/);
    await rm(dir, { recursive: true });
  });
});

describe('stopping', () => {
  const SCRIPT = `
    import { closeOnSignals, startServer } from ${JSON.stringify(new URL('../../src/server/index.ts', import.meta.url).href)};
    const server = await startServer({ modelsDir: process.argv[1], host: '127.0.0.1', port: 0, graceMs: 5000 });
    closeOnSignals(server, (line) => console.log(line));
    console.log(server.url);`;

  test('at SIGTERM a request in progress is answered, new ones are refused, and the process ends by itself', async () => {
    const child = spawn(process.execPath, ['--input-type=module', '-e', SCRIPT, modelsDir], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const exited = once(child, 'exit');
    const [firstLine] = await once(child.stdout, 'data');
    const { port } = new URL(String(firstLine).trim());

    const body = JSON.stringify({
      inputs: [x(), timestep(3)].map(({ values, ...input }) => ({ ...input, data: values })),
    });
    const socket = createConnection(Number(port), '127.0.0.1');
    await once(socket, 'connect');
    const head = `POST /v2/models/tiny/infer HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n`;
    socket.write(head + body.slice(0, 10));
    await new Promise((resolve) => setTimeout(resolve, 100));

    child.kill('SIGTERM');
    await once(child.stdout, 'data');
    await expect(fetch(`http://127.0.0.1:${port}/v2/health/live`)).rejects.toThrow('fetch failed');
    socket.write(body.slice(10));
    let answer = '';
    for await (const chunk of socket) answer += chunk;
    expect(answer).toMatch(/^HTTP\/1.1 200 OK\r\n.*"model_name":"tiny"/s);
    expect(await exited).toEqual([0, null]);
  });
});
