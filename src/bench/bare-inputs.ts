/** What a guided job's first step feeds each graph, for engines that run without Cairn around them. */
import { Trajectory } from '../durable/batch/trajectory.ts';
import type { ModelManifest } from '../models/manifest.ts';
import { oneBatch } from './sample-spec.ts';

export interface GraphFeed {
  readonly name: string;
  readonly data: Float32Array;
  readonly shape: readonly number[];
}

export type GraphName = 'diffusion' | 'classifier' | 'gradient';

/** Outputs that a step asks for; the classifier alone has its logits. */
const WANTED: Readonly<Record<GraphName, readonly string[]>> = {
  diffusion: ['output'],
  classifier: ['logits'],
  gradient: ['gradient'],
};

export function bareInputs(
  manifest: ModelManifest,
  batch: number,
  graph: GraphName,
): { inputs: readonly GraphFeed[]; wanted: readonly string[] } {
  const trajectory = new Trajectory(oneBatch(manifest, batch, 50), manifest);
  const { x, shape, timestep, target } = trajectory.request(trajectory.start());
  const inputs: GraphFeed[] = [
    { name: 'x', data: x, shape },
    { name: 'timestep', data: timestep, shape: [batch] },
  ];
  if (graph === 'gradient') {
    inputs.push({ name: 'target', data: target!, shape: [batch, manifest.classes.length] });
  }
  return { inputs, wanted: WANTED[graph] };
}
