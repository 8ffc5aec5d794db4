/** The gradient of a classifier that Cairn did not build, made to fit a model folder. */

import { dirname } from 'node:path';
import type { ModelManifest } from '../../models/manifest.ts';
import { findInterface, type InterfaceHints } from '../gradient/classifier-interface.ts';
import { type DerivedGradient, type DeriveOptions, deriveGradient } from '../gradient/derive-gradient.ts';
import type { Normalization } from '../gradient/normalize-image.ts';
import { withTimestep } from '../gradient/with-timestep.ts';
import { ExternalFiles } from '../graph/external-data.ts';
import { type Graph, parseModel } from '../graph/index.ts';
import { readModelStructure } from '../graph/open-model.ts';

/** A classifier in ONNX form, and what its file leaves open. */
export interface OwnClassifier {
  readonly path: string;
  readonly hints?: InterfaceHints;
  readonly normalization?: Normalization;
}

/** What a gradient has to fit. */
export type Place = Pick<ModelManifest, 'id' | 'image' | 'classes' | 'max_batch_size'>;

export interface FittedGradient {
  /** `x`, `timestep`, `target` -> `gradient`, `log_probs`. */
  readonly graph: Graph;
  /** What was done, in words. */
  readonly notes: readonly string[];
}

/**
 * @param model the classifier's graph, or the gradient graph that `cairn gradient` made of it
 * @throws {Error} if it is for other images, another number of classes, or one batch size only
 */
export async function gradientFor(
  model: Graph,
  { path, hints, normalization }: OwnClassifier,
  place: Place,
): Promise<FittedGradient> {
  const { channels, height, width } = place.image;
  const options: DeriveOptions = {
    channels,
    imageSize: [height, width],
    ...(hints && { hints }),
    ...(normalization && { normalization }),
  };
  const derived = isGradient(model) ? asItIs(model, options) : await deriveGradient(model, options);
  const problem = misfit(derived.graph, place, derived.notes);
  if (problem !== undefined) throw new Error(`${path} does not fit ${place.id}: ${problem}`);
  const graph = withTimestep(derived.graph);
  const notes = [...derived.notes];
  if (graph !== derived.graph) {
    notes.push('the classifier takes no timestep: the gradient has the input and does not read it');
  }
  return { graph, notes };
}

/** Whether the graph has the inputs and outputs that a gradient has in a model folder. */
export function isGradient({ inputs, outputs }: Graph): boolean {
  const names = new Set([...inputs, ...outputs].map(({ name }) => name));
  return ['x', 'target', 'gradient', 'log_probs'].every((name) => names.has(name));
}

function asItIs(
  graph: Graph,
  { hints, normalization }: DeriveOptions,
): Pick<DerivedGradient, 'graph' | 'notes'> {
  if (normalization !== undefined || Object.keys(hints ?? {}).length > 0) {
    throw new Error('this is a gradient already: its inputs and its normalisation are settled');
  }
  return { graph, notes: ['the file is a gradient already, and is taken as it is'] };
}

function misfit({ inputs, outputs }: Graph, place: Place, notes: readonly string[]): string | undefined {
  const shapeOf = (name: string) => [...inputs, ...outputs].find((end) => end.name === name)!.shape;
  const { channels, height, width } = place.image;
  const image = shapeOf('x');
  const wanted = [channels, height, width];
  if (image.length !== 4 || image.slice(1).some((size, axis) => size !== wanted[axis])) {
    return `its images are [${image.slice(1).join(', ')}] (channels, height, width), the model's [${wanted.join(', ')}]`;
  }
  const classes = shapeOf('target')[1];
  if (classes !== place.classes.length) {
    return `it tells ${classes} classes apart, the model names ${place.classes.length}`;
  }
  const [batch] = image;
  if (typeof batch === 'number') {
    const why = notes.find((note) => note.startsWith('the batch size stays'));
    return (
      `it takes batches of ${batch} and no other, and a model's networks any from 1 to max_batch_size ` +
      `(${place.max_batch_size}); export it with a dynamic batch size${why === undefined ? '' : ` (${why})`}`
    );
  }
  return undefined;
}

/** Number of classes and image size of a classifier, where its file says them; nothing is differentiated. */
export function outlineOf({ path, hints }: OwnClassifier): { classes?: number; imageSize?: number } {
  using files = new ExternalFiles(dirname(path));
  const graph = parseModel(readModelStructure(path), files);
  const names = isGradient(graph) ? { image: 'x', logits: 'log_probs' } : findInterface(graph, hints);
  const scores = graph.outputs.find(({ name }) => name === names.logits)?.shape.slice(1);
  const classes = scores?.find((size) => size !== 1) ?? scores?.[0];
  const size = graph.inputs.find(({ name }) => name === names.image)?.shape[2];
  return {
    ...(typeof classes === 'number' && { classes }),
    ...(typeof size === 'number' && { imageSize: size }),
  };
}
