/** From weights and options to an ONNX graph. */
import { GraphBuilder } from '../graph/builder.ts';
import type { Graph } from '../graph/graph.ts';
import { differencesFrom } from './differences.ts';
import { encoder } from './encoder.ts';
import type { ArchitectureOptions } from './options.ts';
import { Scope, type TorsoPrecision, type WeightStorage } from './scope.ts';
import { superResolution } from './super-resolution.ts';
import { unet } from './unet.ts';
import { type WeightSource, Weights } from './weights.ts';

/** How weights are stored, and what the torso computes in: float32 if not given. */
export interface Precision {
  readonly storage?: WeightStorage;
  readonly torso?: TorsoPrecision;
}

/**
 * Builds the graph of a reference architecture over a checkpoint's weights. The weights are read when the graph is
 * written, so the checkpoint must stay open until then.
 *
 * - `unet`: `x` [N, C, H, W], `timestep` [N] (, `label` [N] int32) -> `output` [N, out, H, W]
 * - `super_resolution`: the same and `low_res` [N, C, h, w]
 * - `encoder`: `x` [N, C, H, W], `timestep` [N] -> `logits` [N, K]
 *
 * @throws {ArchitectureMismatchError} unless names and shapes are exactly the architecture's
 */
export function buildModel(
  source: WeightSource,
  options: ArchitectureOptions,
  { storage = 'float32', torso = 'float32' }: Precision = {},
): Graph {
  const weights = new Weights(source);
  const scope = new Scope(new GraphBuilder({ name: options.kind }), weights, storage, torso);
  const graph = buildKind(scope, options);
  weights.finish((checkpoint) => differencesFrom(options, checkpoint));
  return graph;
}

/** Names and shapes of the state dict that an architecture takes. */
export function stateDictOf(options: ArchitectureOptions): ReadonlyMap<string, readonly number[]> {
  const weights = new Weights({ tensors: new Map() });
  buildKind(new Scope(new GraphBuilder({ name: options.kind }), weights, 'float32'), options);
  return weights.taken;
}

function buildKind(scope: Scope, options: ArchitectureOptions): Graph {
  switch (options.kind) {
    case 'unet':
      return unet(scope, options);
    case 'super_resolution':
      return superResolution(scope, options);
    case 'encoder':
      return encoder(scope, options);
  }
}
