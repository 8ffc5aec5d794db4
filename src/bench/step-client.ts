/** Asks an inference server for guided steps as a job's batch would, at the least cost: the request's bytes lie ready. */
import { Agent, request } from 'node:http';
import { encodeRequest } from '../inference/oip/request.ts';
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
  const agent = new Agent({ keepAlive: true, maxSockets: 256 });
  const target = new URL(`/v2/models/${shape.model}-guided/infer`, url);
  const messages = new Map<string, ReturnType<typeof encodeRequest>>();
  return {
    step(options) {
      const key = `${options.images} ${options.owner} ${options.exact ?? false}`;
      const message = messages.get(key) ?? guidedStep(shape, options);
      messages.set(key, message);
      const headers = { ...message.headers, 'content-length': message.body.byteLength };
      return new Promise((resolve, reject) => {
        const call = request(target, { agent, method: 'POST', headers }, (answer) => {
          let bytes = 0;
          answer.on('data', (chunk: Buffer) => {
            bytes += chunk.byteLength;
          });
          answer.on('error', reject);
          answer.on('end', () => {
            if (answer.statusCode === 200) resolve();
            else reject(new Error(`the server answered ${answer.statusCode} with ${bytes} bytes`));
          });
        });
        call.on('error', reject);
        call.end(message.body);
      });
    },
    close: () => agent.destroy(),
  };
}

function guidedStep({ image, classes }: StepShape, { images, owner, exact = false }: StepOptions) {
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
