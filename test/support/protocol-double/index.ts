/**
 * A server that speaks the Open Inference Protocol v2 as NVIDIA Triton's documentation tells it, on a model repository.
 * It shares no code with Cairn, so that export, protocol and client can't be wrong together: it reads config.pbtxt with a
 * protobuf library against Triton's published message types, refuses what Triton refuses, and computes with the graphs
 * that lie in the repository.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import { listen } from '../listen.ts';
import { ensemble, type LoadedModel, loadGraph } from './loaded-model.ts';
import { type ModelConfig, parseModelConfig } from './model-config.ts';
import { BadRequest, type InferRequest, readRequest } from './request.ts';
import { CONFIG_TYPES, toBlob, type WireTensor } from './tensor.ts';
import { validateConfig, validateSteps } from './validate.ts';

export interface ProtocolDouble {
  readonly url: string;
  /** What came to /infer: path, headers and body. */
  readonly requests: { path: string; headers: IncomingMessage['headers']; body: Buffer }[];
  /** While true, every inference is one too many for the queue. */
  full: boolean;
  /** While false, the server is up and not ready. */
  ready: boolean;
  close(): Promise<void>;
}

/** @throws {Error} if a model of the repository can't be loaded; Triton would start without it */
export async function startProtocolDouble(repository: string): Promise<ProtocolDouble> {
  const models = await loadRepository(repository);
  const requests: ProtocolDouble['requests'] = [];
  const server = createServer((req, res) => {
    respond(models, double, req, res).catch((error: Error) => sendJson(res, 500, { error: error.message }));
  });
  const { url, close } = await listen(server);
  const double: ProtocolDouble = { url, requests, full: false, ready: true, close };
  return double;
}

export async function loadRepository(repository: string): Promise<Map<string, LoadedModel>> {
  const folders = readdirSync(repository, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  const configs = new Map(
    folders.map(({ name }) => {
      const config = parseModelConfig(readFileSync(join(repository, name, 'config.pbtxt'), 'utf8'));
      validateConfig(config, name);
      if (!readdirSync(join(repository, name)).includes('1')) throw new Error(`model ${name} has no version`);
      return [name, config];
    }),
  );
  const models = new Map<string, LoadedModel>();
  for (const [name, config] of configs) {
    if (config.ensemble_scheduling === undefined) {
      models.set(name, await loadGraph(config, join(repository, name)));
    } else {
      validateSteps(config, configs);
      models.set(name, ensemble(config, models));
    }
  }
  return models;
}

async function respond(
  models: ReadonlyMap<string, LoadedModel>,
  double: ProtocolDouble,
  req: IncomingMessage,
  res: ServerResponse,
): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of req) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks);
  const path = req.url!;
  if (path === '/v2/health/live') return sendStatus(res, 200);
  if (path === '/v2/health/ready') return sendStatus(res, double.ready ? 200 : 400);
  if (path === '/v2') return sendJson(res, 200, { name: 'triton', version: '2.0', extensions: EXTENSIONS });

  const route = /^\/v2\/models\/([^/]+)(?:\/versions\/([^/]+))?(?:\/(ready|config|infer))?$/.exec(path);
  if (route === null) return sendJson(res, 404, { error: 'Not Found' });
  const name = decodeURIComponent(route[1]!);
  const [, , version = '1', what] = route;
  const model = models.get(name);
  if (model === undefined || version !== '1') {
    const which = version === '1' ? '' : ` version ${version}`;
    return sendJson(res, 404, { error: `Request for unknown model: '${name}'${which} is not found` });
  }
  if (what === 'ready') return sendStatus(res, double.ready ? 200 : 400);
  if (what === 'config') return sendJson(res, 200, model.config);
  if (what === undefined) return sendJson(res, 200, metadata(model.config));

  if (req.method !== 'POST') return sendJson(res, 405, { error: 'Method Not Allowed' });
  double.requests.push({ path, headers: req.headers, body });
  if (double.full) return sendJson(res, 503, { error: 'Exceeds maximum queue size' });
  try {
    const request = readRequest(req.headers, body, model.config);
    send(res, model.config.name, request, await model.run(request.inputs, request.batch));
  } catch (error) {
    if (!(error instanceof BadRequest)) throw error;
    sendJson(res, 400, { error: error.message });
  }
}

const EXTENSIONS = [
  'classification',
  'model_repository',
  'schedule_policy',
  'model_configuration',
  'binary_tensor_data',
];

/** Names, datatypes and shapes, and nothing of what a configuration's parameters say. */
function metadata(config: ModelConfig) {
  const ends = (tensors: ModelConfig['input']) =>
    tensors.map(({ name, data_type, dims }) => ({
      name,
      datatype: CONFIG_TYPES[data_type],
      shape: [-1, ...dims],
    }));
  return {
    name: config.name,
    versions: ['1'],
    platform: config.platform,
    inputs: ends(config.input),
    outputs: ends(config.output),
  };
}

/** Outputs come in the model's own order, whatever the request's. */
function send(res: ServerResponse, model: string, request: InferRequest, outputs: WireTensor[]): void {
  const blobs: Buffer[] = [];
  const json: object[] = [];
  for (const output of outputs) {
    const wanted = request.outputs.find(({ name }) => name === output.name);
    if (wanted === undefined) continue;
    const { name, datatype, shape, data } = output;
    if (!wanted.binary) {
      if (datatype === 'FP16') {
        throw new BadRequest(
          'sending FP16 data via JSON is not supported. Please use the binary data format for output',
        );
      }
      json.push({ name, datatype, shape, data: [...data] });
      continue;
    }
    const blob = toBlob(output);
    blobs.push(blob);
    json.push({ name, datatype, shape, parameters: { binary_data_size: blob.length } });
  }
  const { id } = request;
  const answer = { ...(id !== undefined && { id }), model_name: model, model_version: '1', outputs: json };
  if (blobs.length === 0) {
    sendJson(res, 200, answer);
    return;
  }
  const head = Buffer.from(JSON.stringify(answer));
  const body = Buffer.concat([head, ...blobs]);
  res
    .writeHead(200, {
      'Content-Type': 'application/octet-stream',
      'Inference-Header-Content-Length': String(head.length),
      'Content-Length': String(body.length),
    })
    .end(body);
}

function sendJson(res: ServerResponse, status: number, json: unknown): void {
  const body = Buffer.from(JSON.stringify(json));
  res
    .writeHead(status, { 'Content-Type': 'application/json', 'Content-Length': String(body.length) })
    .end(body);
}

function sendStatus(res: ServerResponse, status: number): void {
  res.writeHead(status).end();
}
