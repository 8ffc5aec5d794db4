/** The graphs of the cheap model in onnxruntime, in this process, with nothing around them. */
import { InferenceSession, Tensor } from '../onnx/onnxruntime.ts';
import { cheapGraphs } from './cheap-model.ts';
import type { StepShape } from './step-client.ts';

/** @returns runs one guided step of one image */
export async function openCheapGraphs(shape: StepShape, threads: number): Promise<() => Promise<void>> {
  const { diffusion, gradient } = cheapGraphs(shape);
  const options = { intraOpNumThreads: threads };
  const [unet, guide] = await Promise.all([
    InferenceSession.create(diffusion, options),
    InferenceSession.create(gradient, options),
  ]);
  const elements = shape.image.reduce((a, b) => a * b);
  const x = new Tensor('float32', new Float32Array(elements).fill(0.5), [1, ...shape.image]);
  const timestep = new Tensor('float32', Float32Array.of(500), [1]);
  const target = new Tensor('float32', new Float32Array(shape.classes), [1, shape.classes]);
  return async () => {
    await unet.run({ x, timestep }, ['output']);
    await guide.run({ x, timestep, target }, ['gradient']);
  };
}
