/** The table of kinds of golden data. A new kind is a file in this folder and a row here. */
import type { CheckKind } from '../contract.ts';
import { checkpointNetworks } from './checkpoint-networks.ts';
import { exportedClassifiers } from './exported-classifiers.ts';
import { interpolation } from './interpolation.ts';
import { loops } from './loops.ts';
import { metrics } from './metrics.ts';
import { notCoveredYet } from './not-covered-yet.ts';
import { philoxNoise } from './philox-noise.ts';
import { releasedModels } from './released-models.ts';
import { respacing } from './respacing.ts';
import { schedules } from './schedules.ts';
import { steps } from './steps.ts';
import { tensorValues } from './tensor-values.ts';
import { timestepEmbeddings } from './timestep-embeddings.ts';
import { trainedModel } from './trained-model.ts';

export const checkKinds: readonly CheckKind[] = [
  schedules,
  respacing,
  steps,
  timestepEmbeddings,
  philoxNoise,
  loops,
  trainedModel,
  checkpointNetworks,
  tensorValues,
  releasedModels,
  interpolation,
  exportedClassifiers,
  metrics,
  ...notCoveredYet,
];
