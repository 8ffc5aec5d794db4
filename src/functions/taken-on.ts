/** What a fork and a replay take on from the job they come from. */
import { createDiffusion } from '../core/index.ts';
import type { SteeredFrom } from '../durable/batch/course.ts';
import type { JobRecord } from '../durable/job/job-record.ts';
import type { SampleSpec } from '../durable/spec.ts';
import { diffusionSettingsOf, type ModelManifest, modelDigest } from '../models/manifest.ts';
import { findModel } from '../models/registry.ts';
import { Problem } from './problem.ts';

/**
 * The model that the job was made with.
 *
 * @throws {Problem} model-changed if this deployment has another one under its name, unknown-model if none
 */
export function sameModel({ model, modelDigest: before }: SampleSpec): ModelManifest {
  const manifest = findModel(model);
  if (manifest === null) throw new Problem('unknown-model', `this deployment has no model ${model} any more`);
  if (modelDigest(manifest) === before) return manifest;
  const detail = `model ${model} is ${modelDigest(manifest)} here now, the sample was made with ${before}`;
  throw new Problem('model-changed', detail);
}

/** The timesteps that the whole trajectory visits, ascending. */
export function timestepsOf(spec: SampleSpec, manifest: ModelManifest): readonly number[] {
  return spec.timesteps ?? createDiffusion(diffusionSettingsOf(manifest), spec.steps).timestepMap;
}

/** Per batch every change of course that it was given, and the step from which it followed. */
export function recordedCourse({ spec, patches, batches }: JobRecord): SteeredFrom[][] {
  return batches.map(({ index, report }) => [
    ...(spec.course?.[index] ?? []),
    ...patches.flatMap(({ seq, guidance, classes }) => {
      const step = report?.patches.find((known) => known.seq === seq)?.step;
      return step === undefined ? [] : [{ seq, guidance, classes, step }];
    }),
  ]);
}
