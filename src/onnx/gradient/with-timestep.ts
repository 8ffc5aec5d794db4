/** The interface of a model folder for a gradient that does not depend on the timestep. */
import type { Graph } from '../graph/index.ts';

/**
 * Adds the input `timestep` [N], which nothing reads, to the gradient of a classifier of clean images. ONNX allows an
 * input without a reader, and engines go on asking for it.
 *
 * @returns the graph itself if it has the input
 */
export function withTimestep(gradient: Graph): Graph {
  if (gradient.inputs.some(({ name }) => name === 'timestep')) return gradient;
  const [x, ...rest] = gradient.inputs;
  const timestep = { name: 'timestep', dtype: 'float32', shape: x!.shape.slice(0, 1) } as const;
  const values = new Map(gradient.values).set(timestep.name, timestep);
  return { ...gradient, inputs: [x!, timestep, ...rest], values };
}
