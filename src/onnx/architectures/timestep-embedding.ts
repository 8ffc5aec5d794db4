import { embeddingFrequencies } from '../../core/timestep-embedding.ts';
import type { Value } from '../graph/graph.ts';
import { linear, silu } from './layers.ts';
import type { Scope } from './scope.ts';

/** Longest period of the embedding's waves, in timesteps. */
const MAX_PERIOD = 10_000;

/**
 * The sinusoidal embedding of timesteps: cosines, then sines, of t times frequencies that fall geometrically from 1
 * to 1 / 10000; an odd size is padded with a zero.
 *
 * @param timestep `[N]`, fractions allowed
 * @returns `[N, size]`
 */
export function sinusoidalEmbedding(scope: Scope, timestep: Value, size: number): Value {
  const { graph } = scope;
  const column = graph.op('Unsqueeze', [timestep, graph.ints([1])]);
  const angles = graph.op('Mul', [
    column,
    graph.constant([...embeddingFrequencies(Math.floor(size / 2), MAX_PERIOD)]),
  ]);
  const waves = graph.op('Concat', [graph.op('Cos', [angles]), graph.op('Sin', [angles])], { axis: 1 });
  return size % 2 === 0 ? waves : graph.op('Pad', [waves, graph.ints([0, 0, 0, 1])]);
}

/**
 * The embedding that conditions every residual block: of the timestep, and of the class if there is one.
 *
 * @param label `[N]` int32, for a class-conditional network with `classes` classes
 * @returns `[N, 4 * modelChannels]`
 */
export function timestepEmbedding(
  scope: Scope,
  timestep: Value,
  modelChannels: number,
  conditioning?: { label: Value; classes: number },
): Value {
  const size = 4 * modelChannels;
  const waves = sinusoidalEmbedding(scope, timestep, modelChannels);
  const hidden = silu(scope, linear(scope, 'time_embed.0', waves, modelChannels, size));
  const embedding = linear(scope, 'time_embed.2', hidden, size, size);
  if (!conditioning) return embedding;
  const table = scope.weight('label_emb.weight', [conditioning.classes, size]);
  return scope.graph.op('Add', [embedding, scope.graph.op('Gather', [table, conditioning.label])]);
}
