/**
 * A client written from the text of the Open Inference Protocol v2 and its binary tensor extension alone. It shares no
 * code with Cairn, so that server and client can't be wrong together.
 */

export interface ClientInput {
  name: string;
  datatype: 'FP32' | 'INT32';
  shape: number[];
  values: number[];
  binary?: boolean;
}

export interface ClientOutput {
  name: string;
  binary: boolean;
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
}

export async function infer(modelUrl: string, options: InferOptions): Promise<ClientAnswer> {
  const blobs: Buffer[] = [];
  const inputs = options.inputs.map(({ name, datatype, shape, values, binary }) => {
    if (!binary) return { name, datatype, shape, data: values };
    const blob = Buffer.alloc(4 * values.length);
    for (const [i, value] of values.entries()) {
      if (datatype === 'FP32') blob.writeFloatLE(value, 4 * i);
      else blob.writeInt32LE(value, 4 * i);
    }
    blobs.push(blob);
    return { name, datatype, shape, parameters: { binary_data_size: blob.length } };
  });
  const outputs = options.outputs?.map(({ name, binary }) => ({ name, parameters: { binary_data: binary } }));
  const json = Buffer.from(
    JSON.stringify({ id: options.id, parameters: options.parameters, inputs, outputs }),
  );

  const binaryHeaders = {
    'Content-Type': 'application/octet-stream',
    'Inference-Header-Content-Length': String(json.length),
  };
  const response = await fetch(`${modelUrl}/infer`, {
    method: 'POST',
    headers: {
      ...(blobs.length > 0 ? binaryHeaders : { 'Content-Type': 'application/json' }),
      ...options.headers,
    },
    body: Buffer.concat([json, ...blobs]),
  });
  return readAnswer(response);
}

async function readAnswer(response: Response): Promise<ClientAnswer> {
  const body = Buffer.from(await response.arrayBuffer());
  const declared = response.headers.get('Inference-Header-Content-Length');
  const jsonLength = declared === null ? body.length : Number(declared);
  const json = JSON.parse(body.subarray(0, jsonLength).toString('utf8')) as Record<string, unknown>;

  const values: Record<string, number[]> = {};
  let offset = jsonLength;
  for (const output of (json.outputs ?? []) as Record<string, unknown>[]) {
    const size = (output.parameters as { binary_data_size?: number } | undefined)?.binary_data_size;
    if (size === undefined) {
      values[output.name as string] = output.data as number[];
      continue;
    }
    values[output.name as string] = Array.from({ length: size / 4 }, (_, i) =>
      body.readFloatLE(offset + 4 * i),
    );
    offset += size;
  }
  if (offset !== body.length) throw new Error(`${body.length - offset} bytes after the last tensor`);
  return { status: response.status, headers: response.headers, json, values };
}
