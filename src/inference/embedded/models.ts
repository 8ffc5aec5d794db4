/**
 * The models inside the Worker: two imports and one row each, by hand, because a Worker has room for small ones only.
 * Their manifests come from src/models/registry.ts.
 */
import mnist32Diffusion from '../../../models/mnist-32/diffusion.onnx';
import mnist32Gradient from '../../../models/mnist-32/gradient.onnx';

/** The bytes of a model's graphs, by the names they have in its manifest. */
export interface EmbeddedGraphs {
  readonly diffusion: ArrayBuffer;
  readonly gradient?: ArrayBuffer;
}

export const embeddedModels: ReadonlyMap<string, EmbeddedGraphs> = new Map([
  ['mnist-32', { diffusion: mnist32Diffusion, gradient: mnist32Gradient }],
]);
