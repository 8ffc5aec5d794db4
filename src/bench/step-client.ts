/** Asks an inference server for guided steps as a job's batch would, at the least cost: the request's bytes lie ready. */
import type { Message } from '../inference/oip/framing.ts';
import { encodeRequest } from '../inference/oip/request.ts';
import { HttpConnection } from './http-connection.ts';
import { MODEL } from './sample-spec.ts';

export interface StepShape {
  readonly model: string;
  /** [channels, height, width] */
  readonly image: readonly [number, number, number];
  readonly classes: number;
}

export const MNIST: StepShape = { model: MODEL, image: [1, 32, 32], classes: 10 };

export interface StepOptions {
  readonly images: number;
  readonly owner: string;
  readonly exact?: boolean;
}

export interface StepClient {
  /** Resolves when the whole answer is here. @throws {Error} if it is no 200 */
  step(options: StepOptions): Promise<void>;
  close(): void;
}

export function openStepClient(url: string, shape: StepShape = MNIST): StepClient {
  const target = new URL(`/v2/models/${shape.model}-guided/infer`, url);
  const requests = new Map<string, Request>();
  const open = new Set<HttpConnection>();
  const idle: HttpConnection[] = [];
  const connection = () => {
    const opened = new HttpConnection(target);
    open.add(opened);
    return opened;
  };
  return {
    async step(options) {
      const key = `${options.images} ${options.owner} ${options.exact ?? false}`;
      const request = requests.get(key) ?? requestOf(target, guidedStep(shape, options));
      requests.set(key, request);
      const taken = idle.pop() ?? connection();
      const status = await taken.exchange(request.head, request.body);
      idle.push(taken);
      if (status !== 200) throw new Error(`the server answered ${status}`);
    },
    close() {
      for (const one of open) one.close();
    },
  };
}

interface Request {
  readonly head: Uint8Array;
  readonly body: Uint8Array;
}

function requestOf({ host, pathname }: URL, { headers, body }: Message): Request {
  const fields = { host, ...headers, 'content-length': body.byteLength };
  const lines = [`POST ${pathname} HTTP/1.1`, ...Object.entries(fields).map((field) => field.join(': '))];
  return { head: Buffer.from(`${lines.join('\r\n')}\r\n\r\n`), body };
}

function guidedStep({ image, classes }: StepShape, { images, owner, exact = false }: StepOptions): Message {
  const elements = images * image.reduce((a, b) => a * b);
  const x = Float32Array.from({ length: elements }, (_, i) => Math.sin(i));
  const target = Float32Array.from({ length: images * classes }, (_, i) => Number(i % classes === 3));
  return encodeRequest({
    parameters: { owner, exact },
    inputs: [
      { name: 'x', datatype: 'FP32', shape: [images, ...image], data: x },
      { name: 'timestep', datatype: 'FP32', shape: [images], data: new Float32Array(images).fill(500) },
      { name: 'target', datatype: 'FP32', shape: [images, classes], data: target },
    ],
    outputs: ['output', 'gradient'].map((name) => ({ name, binary: true })),
  });
}
