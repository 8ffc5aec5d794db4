/** What the metrics say of the images that there are. */
import { evaluate, type Metric } from '../evaluate/evaluate.ts';
import { type FeatureExtractor, openExtractor } from '../evaluate/feature-extractor.ts';
import { rowsOf } from '../evaluate/features.ts';
import { createMatrixDistances } from '../evaluate/matrix-distances.ts';
import { fitted, loadSampleSet, type SampleSet } from '../evaluate/sample-set.ts';
import type { Cell, Figure } from './cells.ts';
import { imagesIn, type Part, partsOf } from './draw.ts';
import { NETWORK, REFERENCE, TEST_SET } from './reference.ts';

/** A figure's cells, all with the same number of images: the Frechet distance depends on it. */
export interface MeasuredFigure {
  readonly name: Figure['name'];
  readonly images: number;
  readonly cells: readonly { readonly cell: Cell; readonly metrics: readonly Metric[] }[];
  /** As many real images that the model has not seen: what a perfect model would get. */
  readonly testImages: readonly Metric[];
}

/** Files of features. */
export interface RealImages {
  readonly reference: string;
  readonly test: string;
}

const REAL_IMAGES: RealImages = { reference: REFERENCE, test: TEST_SET };

/**
 * @param cells the folder of the cells
 * @returns each figure with the cells that have images, as many of each as the smallest has
 */
export async function measureFigures(
  figures: readonly Figure[],
  cells: string,
  onProgress: (what: string) => void,
  { reference: referencePath, test: testPath }: RealImages = REAL_IMAGES,
): Promise<MeasuredFigure[]> {
  await using extractor = await openExtractor(NETWORK, { threads: 1 });
  const reference = await loadSampleSet(referencePath);
  const test = await loadSampleSet(testPath);
  const distances = await createMatrixDistances(reference.statistics.mean);
  const { squaredDistances } = distances;
  const manifolds = new Map();
  const measure = async (set: SampleSet) =>
    (await evaluate(reference, set, { squaredDistances, manifolds })).metrics;
  const measured: MeasuredFigure[] = [];
  for (const figure of figures) {
    const drawn = await Promise.all(
      figure.cells.map(async (cell) => ({ cell, parts: await partsOf(cells, cell) })),
    );
    const begun = drawn.filter(({ parts }) => parts.length > 0);
    if (begun.length === 0) continue;
    const images = Math.min(...begun.map(({ parts }) => imagesIn(parts)));
    onProgress(`${figure.name}: the images of the test set`);
    const testImages = await measure(firstOf(test, images));
    const values: { cell: Cell; metrics: readonly Metric[] }[] = [];
    for (const { cell, parts } of begun) {
      onProgress(`${figure.name}: ${JSON.stringify(cell)}`);
      values.push({ cell, metrics: await measure(firstOf(await loadParts(parts, extractor), images)) });
    }
    measured.push({ name: figure.name, images, cells: values, testImages });
  }
  await distances.close();
  return measured;
}

/** All images of a cell as one set. */
async function loadParts(parts: readonly Part[], extractor: FeatureExtractor): Promise<SampleSet> {
  const sets = await Promise.all(parts.map(({ path }) => loadSampleSet(path, { extractor })));
  return joined(sets);
}

/** Sets of the same features, one after another. */
export function joined(sets: readonly SampleSet[]): SampleSet {
  const [first] = sets;
  if (first === undefined) throw new RangeError('there are no images');
  const columns = first.features!.columns;
  const values = concat(sets.map(({ features }) => features!.values));
  const features = { rows: values.length / columns, columns, values };
  const classes = first.probabilities?.classes;
  return {
    name: first.name,
    ...fitted(features),
    spatial: null,
    probabilities:
      classes === undefined
        ? null
        : { classes, values: concat(sets.map(({ probabilities }) => probabilities!.values)) },
    labels: first.labels && Int32Array.from(sets.flatMap(({ labels }) => [...labels!])),
  };
}

/** The first images of a set. */
export function firstOf(set: SampleSet, count: number): SampleSet {
  const features = rowsOf(set.features!, 0, count);
  const { probabilities: all, labels } = set;
  return {
    ...set,
    ...fitted(features),
    probabilities: all && { ...all, values: all.values.subarray(0, count * all.classes) },
    labels: labels?.subarray(0, count) ?? null,
  };
}

function concat(parts: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
