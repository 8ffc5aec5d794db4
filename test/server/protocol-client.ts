/**
 * A client written from the text of the Open Inference Protocol v2 (specification/protocol/inference_rest.md), of its
 * binary tensor extension and of the schedule policy extension alone. It shares no code with Cairn, so that server and
 * client can't be wrong together. What the text demands of an answer it checks on every one.
 */

type Datatype = 'BOOL' | 'INT32' | 'INT64' | 'FP16' | 'FP32' | 'FP64';
type Data = number | Data[];

export interface ClientInput {
  name: string;
  datatype: Datatype;
  shape: number[];
  values: number[];
  binary?: boolean;
  /** JSON data nested like the shape rather than flat. */
  nested?: boolean;
}

export interface ClientOutput {
  name: string;
  /** Left unsaid if absent. */
  binary?: boolean;
  parameters?: Record<string, unknown>;
}

export interface ClientAnswer {
  status: number;
  headers: Headers;
  json: Record<string, unknown>;
  /** Values by output name, wherever they stood. */
  values: Record<string, number[]>;
}

export interface InferOptions {
  id?: string;
  inputs: ClientInput[];
  outputs?: ClientOutput[];
  parameters?: Record<string, unknown>;
  headers?: Record<string, string>;
  /** Fields that the protocol does not have. */
  more?: Record<string, unknown>;
  signal?: AbortSignal;
}

interface Codec {
  size: number;
  write(view: DataView, at: number, value: number): void;
  read(view: DataView, at: number): number;
}

const LITTLE = true;
const CODECS: Record<Datatype, Codec> = {
  BOOL: { size: 1, write: (v, at, x) => v.setUint8(at, x), read: (v, at) => v.getUint8(at) },
  INT32: { size: 4, write: (v, at, x) => v.setInt32(at, x, LITTLE), read: (v, at) => v.getInt32(at, LITTLE) },
  INT64: {
    size: 8,
    write: (v, at, x) => v.setBigInt64(at, BigInt(x), LITTLE),
    read: (v, at) => Number(v.getBigInt64(at, LITTLE)),
  },
  FP16: {
    size: 2,
    write: (v, at, x) => v.setFloat16(at, x, LITTLE),
    read: (v, at) => v.getFloat16(at, LITTLE),
  },
  FP32: {
    size: 4,
    write: (v, at, x) => v.setFloat32(at, x, LITTLE),
    read: (v, at) => v.getFloat32(at, LITTLE),
  },
  FP64: {
    size: 8,
    write: (v, at, x) => v.setFloat64(at, x, LITTLE),
    read: (v, at) => v.getFloat64(at, LITTLE),
  },
};

/** Body and headers of an inference request. */
export function inferenceRequest(options: InferOptions): { headers: Record<string, string>; body: Buffer } {
  const blobs: Buffer[] = [];
  const inputs = options.inputs.map(({ name, datatype, shape, values, binary, nested }) => {
    if (!binary) {
      const plain = datatype === 'BOOL' ? values.map(Boolean) : values;
      return { name, datatype, shape, data: nested ? nest(plain as number[], shape) : plain };
    }
    const blob = encode(datatype, values);
    blobs.push(blob);
    return { name, datatype, shape, parameters: { binary_data_size: blob.length } };
  });
  const outputs = options.outputs?.map(({ name, binary, parameters }) => ({
    name,
    ...((binary !== undefined || parameters) && {
      parameters: { ...parameters, ...(binary !== undefined && { binary_data: binary }) },
    }),
  }));
  const { id, parameters, more } = options;
  const json = Buffer.from(JSON.stringify({ id, parameters, inputs, outputs, ...more }));
  const headers = {
    ...(blobs.length > 0
      ? { 'Content-Type': 'application/octet-stream', 'Inference-Header-Content-Length': String(json.length) }
      : { 'Content-Type': 'application/json' }),
    ...options.headers,
  };
  return { headers, body: Buffer.concat([json, ...blobs]) };
}

/** @param modelUrl with or without a version, e.g. `http://127.0.0.1:8000/v2/models/m/versions/1` */
export async function infer(modelUrl: string, options: InferOptions): Promise<ClientAnswer> {
  const { headers, body } = inferenceRequest(options);
  const response = await fetch(`${modelUrl}/infer`, {
    ...{ method: 'POST', headers, body: new Uint8Array(body) },
    ...(options.signal && { signal: options.signal }),
  });
  const answer = await readAnswer(response);
  if (answer.status === 200) checkResponse(answer, options);
  return answer;
}

/** GET of health or metadata. */
export async function get(url: string, headers: Record<string, string> = {}): Promise<ClientAnswer> {
  return readAnswer(await fetch(url, { headers }));
}

async function readAnswer(response: Response): Promise<ClientAnswer> {
  const { status, headers } = response;
  const body = Buffer.from(await response.arrayBuffer());
  demand(Number(headers.get('Content-Length')) === body.length, 'Content-Length is that of the whole body');
  const declared = headers.get('Inference-Header-Content-Length');
  const jsonLength = declared === null ? body.length : Number(declared);
  const json = JSON.parse(body.subarray(0, jsonLength).toString('utf8')) as Record<string, unknown>;
  if (status !== 200) {
    const isHealth = 'ready' in json;
    demand(
      isHealth || typeof json.error === 'string',
      `a failure is {"error": string}, not ${JSON.stringify(json)}`,
    );
    return { status, headers, json, values: {} };
  }

  const values: Record<string, number[]> = {};
  let offset = jsonLength;
  for (const output of (Array.isArray(json.outputs) && 'model_name' in json
    ? json.outputs
    : []) as Output[]) {
    const { name, datatype, shape, parameters } = output;
    const size = parameters?.binary_data_size;
    if (size === undefined) {
      values[name] = (output.data as unknown[]).flat(shape.length) as number[];
    } else {
      values[name] = decode(datatype, body.subarray(offset, offset + size));
      offset += size;
    }
    const count = shape.reduce((product, dim) => product * dim, 1);
    demand(values[name]?.length === count, `"${name}" has as many elements as its shape says`);
  }
  demand(offset === body.length, 'no bytes follow the last tensor');
  demand(
    (declared !== null) === offset > jsonLength,
    'the header length is there if and only if a tensor is binary',
  );
  return { status, headers, json, values };
}

interface Output {
  name: string;
  datatype: Datatype;
  shape: number[];
  parameters?: { binary_data_size?: number };
  data?: Data[];
}

/** What the protocol promises of an answer to this request. */
function checkResponse({ json }: ClientAnswer, { id, outputs, parameters }: InferOptions): void {
  demand(typeof json.model_name === 'string', 'model_name is a string');
  demand(json.id === id, 'the id is that of the request');
  const got = json.outputs as Output[];
  if (outputs) {
    demand(
      JSON.stringify(got.map(({ name }) => name).toSorted()) ===
        JSON.stringify(outputs.map(({ name }) => name).toSorted()),
      'the outputs are those asked for',
    );
  }
  for (const { name, parameters: own } of got) {
    const asked = outputs?.find((output) => output.name === name)?.binary;
    const binary = asked ?? parameters?.binary_data_output ?? false;
    demand(
      (own?.binary_data_size !== undefined) === binary,
      `"${name}" is binary if and only if asked to be`,
    );
  }
}

function demand(holds: boolean, what: string): void {
  if (!holds) throw new Error(`the server breaks the protocol: expected that ${what}`);
}

function encode(datatype: Datatype, values: number[]): Buffer {
  const { size, write } = CODECS[datatype];
  const bytes = Buffer.alloc(size * values.length);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (const [i, value] of values.entries()) write(view, size * i, value);
  return bytes;
}

function decode(datatype: Datatype, bytes: Buffer): number[] {
  const { size, read } = CODECS[datatype];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return Array.from({ length: bytes.length / size }, (_, i) => read(view, size * i));
}

function nest(values: number[], [, ...inner]: number[]): Data[] {
  if (inner.length === 0) return values;
  const size = inner.reduce((product, dim) => product * dim, 1);
  return Array.from({ length: values.length / size }, (_, i) =>
    nest(values.slice(i * size, (i + 1) * size), inner),
  );
}
