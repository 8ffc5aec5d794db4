/** One side of an evaluation: what is known of its images' features. */
import { stat } from 'node:fs/promises';
import type { FeatureExtractor } from './feature-extractor.ts';
import { type Features, features } from './features.ts';
import { type ImageSource, openImages, openNpzImages } from './image-source.ts';
import { NpzFile } from './npz-file.ts';
import { softmaxRows } from './softmax.ts';
import { type GaussianStatistics, gaussianStatistics } from './statistics.ts';

/** Features and the Gaussian fitted to them; a file may have the Gaussian alone. */
export interface FittedFeatures {
  readonly features: Features | null;
  readonly statistics: GaussianStatistics;
}

export interface SampleSet extends FittedFeatures {
  /** What it was read from. */
  readonly name: string;
  readonly spatial: FittedFeatures | null;
  readonly probabilities: { readonly values: Float32Array; readonly classes: number } | null;
  /** The class that was asked for, per image. */
  readonly labels: Int32Array | null;
}

export interface LoadOptions {
  /** Needed for images; feature files do without. */
  readonly extractor?: FeatureExtractor | undefined;
  /** Images that go through the network at a time. Default 64. */
  readonly batch?: number;
  readonly onProgress?: (done: number, total: number) => void;
}

/**
 * Reads images (.npz with `arr_0`, or a folder of PNGs) through the extractor; or an .npz of features (`features`, and
 * perhaps `probabilities` or `logits`, `spatial`, `labels`); or the statistics of the reference's batches (`mu` and
 * `sigma`, and perhaps `mu_s` and `sigma_s`), which count before images beside them where those need an extractor
 * that is not given.
 *
 * @throws {Error} for anything else, saying what was found
 */
export async function loadSampleSet(path: string, options: LoadOptions = {}): Promise<SampleSet> {
  if ((await stat(path)).isDirectory()) return fromImages(await openImages(path), path, options);
  const file = await NpzFile.open(path);
  if (file.has('arr_0') && (options.extractor !== undefined || !file.has('mu'))) {
    const source = await openNpzImages(file, path).catch(async (error: Error) => {
      await file[Symbol.asyncDispose]();
      throw error;
    });
    return fromImages(source, path, options);
  }
  try {
    if (file.has('features')) return await fromFeatures(file, path);
    if (file.has('mu') && file.has('sigma')) return await fromStatistics(file, path);
  } finally {
    await file[Symbol.asyncDispose]();
  }
  throw new Error(
    `${path} has ${file.names.join(', ')}; expected images (arr_0), features, or statistics (mu and sigma)`,
  );
}

async function fromImages(source: ImageSource, name: string, options: LoadOptions): Promise<SampleSet> {
  await using images = source;
  const { extractor, batch = 64, onProgress = () => {} } = options;
  if (extractor === undefined) {
    throw new Error(`${name} holds images: give the network that makes features of them (--features)`);
  }
  const rows = { features: new Rows(), probabilities: new Rows(), spatial: new Rows() };
  let done = 0;
  for await (const pixels of images.batches(batch)) {
    const count = Math.min(batch, images.count - done);
    const extracted = await extractor.run(pixels, count, images.shape);
    rows.features.add(extracted.features);
    if (extracted.probabilities) rows.probabilities.add(extracted.probabilities);
    if (extracted.spatial) rows.spatial.add(extracted.spatial);
    done += count;
    onProgress(done, images.count);
  }
  const own = rows.features.matrix(done);
  const classes = rows.probabilities.length / done;
  return {
    name,
    ...fitted(own),
    spatial: rows.spatial.length > 0 ? fitted(rows.spatial.matrix(done)) : null,
    probabilities: classes > 0 ? { values: rows.probabilities.joined(), classes } : null,
    labels: images.labels,
  };
}

async function fromFeatures(file: NpzFile, name: string): Promise<SampleSet> {
  const own = await matrix(file, 'features', name);
  const classes = ['probabilities', 'logits'].find((array) => file.has(array));
  const given = classes === undefined ? null : await matrix(file, classes, name);
  return {
    name,
    ...fitted(own),
    spatial: file.has('spatial') ? fitted(await matrix(file, 'spatial', name)) : null,
    probabilities: given && { values: softmaxRows(given.values, given.columns), classes: given.columns },
    labels: file.has('labels') ? Int32Array.from((await file.array('labels')).data) : null,
  };
}

async function fromStatistics(file: NpzFile, name: string): Promise<SampleSet> {
  const hasSpatial = file.has('mu_s') && file.has('sigma_s');
  return {
    name,
    features: null,
    statistics: await statistics(file, 'mu', 'sigma', name),
    spatial: hasSpatial
      ? { features: null, statistics: await statistics(file, 'mu_s', 'sigma_s', name) }
      : null,
    probabilities: null,
    labels: null,
  };
}

/** A Gaussian fitted to features. */
export function fitted(own: Features): FittedFeatures & { readonly features: Features } {
  return { features: own, statistics: gaussianStatistics(own) };
}

async function matrix(file: NpzFile, array: string, name: string): Promise<Features> {
  const { data, shape } = await file.array(array);
  const [rows, ...rest] = shape;
  const columns = rest.reduce((product, size) => product * size, 1);
  if (rows === undefined || rest.length === 0) {
    throw new Error(`${name}, array "${array}" is [${shape.join(', ')}], expected a row for each image`);
  }
  return features(Float32Array.from(data), columns);
}

async function statistics(
  file: NpzFile,
  mu: string,
  sigma: string,
  name: string,
): Promise<GaussianStatistics> {
  const [mean, covariance] = [await file.array(mu), await file.array(sigma)];
  const dimensions = mean.data.length;
  if (covariance.data.length !== dimensions ** 2) {
    const found = `[${mean.shape.join(', ')}] and [${covariance.shape.join(', ')}]`;
    throw new Error(`${name}, arrays "${mu}" and "${sigma}" are ${found}, expected [D] and [D, D]`);
  }
  return {
    dimensions,
    mean: Float64Array.from(mean.data),
    covariance: Float64Array.from(covariance.data),
  };
}

/** Batches that become one matrix. */
class Rows {
  readonly #parts: Float32Array[] = [];
  length = 0;

  add(part: Float32Array): void {
    this.#parts.push(part.slice());
    this.length += part.length;
  }

  joined(): Float32Array {
    const all = new Float32Array(this.length);
    let at = 0;
    for (const part of this.#parts) {
      all.set(part, at);
      at += part.length;
    }
    return all;
  }

  matrix(rows: number): Features {
    return features(this.joined(), this.length / rows);
  }
}
