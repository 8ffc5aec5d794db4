import { z } from 'zod';
import { exactDistances } from '../../evaluate/distances.ts';
import { type Features, features } from '../../evaluate/features.ts';
import { frechetDistance } from '../../evaluate/frechet.ts';
import { inceptionScore } from '../../evaluate/inception-score.ts';
import { manifoldOf, overlapOf } from '../../evaluate/manifold.ts';
import { type GaussianStatistics, gaussianStatistics } from '../../evaluate/statistics.ts';
import { type CheckKind, hasKeys } from '../contract.ts';
import type { Npz } from '../npz.ts';
import { Comparison } from '../result.ts';

const index = z.looseObject({
  frechet: z.array(
    z.looseObject({ name: z.string(), value: z.number(), symmetric_eigenvalue_value: z.number().optional() }),
  ),
  inception_score: z.array(
    z.looseObject({
      array: z.string(),
      classes: z.int(),
      split_size: z.int(),
      value: z.number(),
      float64_value: z.number(),
    }),
  ),
  precision_recall: z.array(
    z.looseObject({
      name: z.string(),
      path_taken: z.string(),
      k: z.int(),
      precision: z.number(),
      recall: z.number(),
    }),
  ),
});

/** Frechet distance, Inception Score, precision and recall of given features and predictions. */
export const metrics: CheckKind = {
  name: 'metrics',
  recognises: (content) => hasKeys(content, 'frechet', 'inception_score'),
  async *run({ directory, path, content }) {
    const expected = index.parse(content);
    const { path: file, npz } = await directory.companion(path, 'ref_features');
    const comparison = new Comparison();
    const [reference, samples] = [matrixOf(npz, 'ref_features'), matrixOf(npz, 'sample_features')];
    checkStatistics(comparison, npz, { ref: reference, sample: samples });
    for (const row of expected.frechet) {
      const pair = gaussiansOf(row, reference, samples);
      if (pair === undefined) continue;
      // The reference's means are float32, which is where most of the difference comes from.
      const value = row.symmetric_eigenvalue_value ?? row.value;
      comparison.close(`frechet ${row.name}`, [frechetDistance(...pair)], [value], 1e-6);
    }
    for (const { array, classes, split_size, value, float64_value } of expected.inception_score) {
      const { score } = inceptionScore(npz.float32(array), classes, split_size);
      comparison.closeRelatively(`${array} in float64`, [score], [float64_value], 1e-12);
      comparison.closeRelatively(array, [score], [value], 1e-6);
    }
    for (const row of expected.precision_recall) {
      const sets = overlappingSets(row.name, reference, samples);
      // In float16 the reference's sums depend on the device; the rows in other types are certain.
      if (sets === undefined || row.path_taken === 'float16') continue;
      const [a, b] = [await manifoldOf(sets[0], row.k), await manifoldOf(sets[1], row.k)];
      const { precision, recall } = await overlapOf(a, b, row.k, { squaredDistances: exactDistances });
      comparison.close(`${row.name} ${row.path_taken}`, [precision, recall], [row.precision, row.recall], 0);
      if (row.name !== 'features' || row.path_taken !== 'f64') continue;
      comparison.closeRelatively('radii_ref', a.squaredRadii, npz.float32('radii_ref_f64'), 1e-6);
      comparison.closeRelatively('radii_sample', b.squaredRadii, npz.float32('radii_sample_f64'), 1e-6);
    }
    yield comparison.result(file);
  },
};

function matrixOf(npz: Npz, name: string): Features {
  const { shape } = npz.array(name);
  return features(npz.float32(name), shape[1]!);
}

function checkStatistics(
  comparison: Comparison,
  npz: Npz,
  sets: { readonly ref: Features; readonly sample: Features },
): void {
  for (const [name, set] of Object.entries(sets)) {
    const { mean, covariance } = gaussianStatistics(set);
    comparison.close(`${name}_mu_f64`, mean, npz.numbers(`${name}_mu_f64`), 1e-14);
    comparison.close(`${name}_sigma`, covariance, npz.numbers(`${name}_sigma`), 1e-8);
  }
}

/** The two sides of a named distance; undefined for a name that is not known here. */
function gaussiansOf(
  row: { readonly name: string; readonly [key: string]: unknown },
  reference: Features,
  samples: Features,
): [GaussianStatistics, GaussianStatistics] | undefined {
  switch (row.name) {
    case 'sample_vs_ref':
    case 'sample_vs_ref_float64_mu':
      return [gaussianStatistics(samples), gaussianStatistics(reference)];
    case 'ref_vs_sample':
      return [gaussianStatistics(reference), gaussianStatistics(samples)];
    case 'ref_vs_ref':
      return [gaussianStatistics(reference), gaussianStatistics(reference)];
    case 'rank_deficient': {
      const range = z.tuple([z.int(), z.int()]);
      const [a, b] = [range.parse(row.ref_rows), range.parse(row.sample_rows)];
      return [gaussianStatistics(slice(samples, b)), gaussianStatistics(slice(reference, a))];
    }
    case 'first_feature_zeroed':
      return [gaussianStatistics(withoutFirst(samples)), gaussianStatistics(withoutFirst(reference))];
    default:
      return undefined;
  }
}

function overlappingSets(
  name: string,
  reference: Features,
  samples: Features,
): [Features, Features] | undefined {
  switch (name) {
    case 'features':
      return [reference, samples];
    case 'swapped':
      return [samples, reference];
    case 'features_times_400':
      return [times(reference, 400), times(samples, 400)];
    default:
      return undefined;
  }
}

function slice({ columns, values }: Features, [from, to]: readonly [number, number]): Features {
  return features(values.slice(from * columns, to * columns), columns);
}

function withoutFirst({ columns, values }: Features): Features {
  return features(
    values.map((value, i) => (i % columns === 0 ? 0 : value)),
    columns,
  );
}

function times({ columns, values }: Features, factor: number): Features {
  return features(
    values.map((value) => value * factor),
    columns,
  );
}
