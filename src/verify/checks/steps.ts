import { z } from 'zod';
import {
  conditionMean,
  conditionScore,
  createDiffusion,
  type Diffusion,
  epsFromXStart,
  meanPart,
  modelMean,
  modelTimestep,
  modelVariance,
  qPosteriorMean,
  qPosteriorVariance,
  qSample,
  type SamplerName,
  stepSampler,
} from '../../core/index.ts';
import { type CheckKind, firstOf, hasKeys } from '../contract.ts';
import { folderOf } from '../directory.ts';
import type { Drift } from '../drift.ts';
import type { Npz } from '../npz.ts';
import { Comparison, guarded, largestMagnitude } from '../result.ts';
import { scheduleFields, settingsFrom, typeFields } from './reference-settings.ts';
import { unspacedDiffusion } from './schedules.ts';

const caseSchema = z.looseObject({
  prefix: z.string(),
  class: z.enum(['GaussianDiffusion', 'SpacedDiffusion']),
  ...scheduleFields,
  timestep_respacing: z.string().nullable(),
  clip_denoised: z.boolean(),
});
const index = z.looseObject({
  files: z.array(z.looseObject({ file: z.string(), ...typeFields, cases: z.array(caseSchema) })),
});
type StepCase = z.infer<typeof caseSchema>;

/** Single steps of every mean and variance type, with everything that is computed on the way. */
export const steps: CheckKind = {
  name: 'sampler steps',
  recognises: (content) => hasKeys(firstOf(content, 'files'), 'model_mean_type', 'model_var_type', 'cases'),
  async *run({ directory, path, content, drift }) {
    for (const entry of index.parse(content).files) {
      const file = folderOf(path) + entry.file;
      yield* guarded(file, async function* () {
        const npz = await directory.npz(file);
        const comparison = new Comparison();
        for (const stepCase of entry.cases) {
          const settings = settingsFrom(stepCase, entry);
          const diffusion =
            stepCase.class === 'GaussianDiffusion'
              ? unspacedDiffusion(settings)
              : createDiffusion(settings, stepCase.timestep_respacing ?? '');
          checkCase(comparison, drift, npz, stepCase, diffusion);
        }
        yield comparison.result(file);
      });
    }
  },
};

/** The items of a batch stand at timesteps of their own: each is checked as a batch of one. */
function checkCase(
  comparison: Comparison,
  drift: Drift,
  npz: Npz,
  { prefix, ...options }: StepCase,
  diffusion: Diffusion,
) {
  const timesteps = npz.numbers(`${prefix}t`);
  const channels = npz.array(`${prefix}x_t`).shape[1]!;
  for (const [item, t] of timesteps.entries()) {
    const array = (name: string) => {
      const data = npz.float32(prefix + name);
      const size = data.length / timesteps.length;
      return data.subarray(item * size, (item + 1) * size);
    };
    const computed = computeStep(diffusion, t, { channels, clipDenoised: options.clip_denoised }, array);
    for (const [name, actual] of Object.entries(computed)) {
      const expected = array(name);
      const values = typeof actual === 'number' ? new Float32Array(expected.length).fill(actual) : actual;
      const tolerance = stepTolerance(drift, name) * largestMagnitude(expected);
      comparison.close(`${prefix}${name}, t = ${t}`, values, expected, tolerance);
    }
    for (const name of ['model_t', 'cond_t']) {
      const expected = npz.numbers(prefix + name)[item]!;
      comparison.close(`${prefix}${name}, t = ${t}`, [modelTimestep(diffusion, t)], [expected], 0);
    }
  }
}

/** Every array of the file that follows from the given ones, under the file's names. */
function computeStep(
  diffusion: Diffusion,
  t: number,
  options: { channels: number; clipDenoised: boolean },
  array: (name: string) => Float32Array,
): Record<string, Float32Array | number> {
  const x = array('x_t');
  const modelOutput = array('model_output');
  const gradient = array('grad');
  const noise = array('noise');
  const layout = { batch: 1, elements: x.length };
  const step = (sampler: SamplerName, eta: number, guidanceScale: number) => {
    const config = { ...options, sampler, eta, guidanceScale, batch: 1 };
    const state = { version: 1, sampler, t, step: 0, done: false, tensors: { x } } as const;
    const { state: next, predXStart } = stepSampler(
      diffusion,
      config,
      state,
      { modelOutput, gradient },
      noise,
    );
    return { sample: next.tensors.x, predXStart };
  };
  const ancestral = step('ddpm', 0, 0);
  const meanOutput = meanPart(diffusion, layout, modelOutput);
  const mean = modelMean(diffusion, t, x, meanOutput, ancestral.predXStart);
  const variance = modelVariance(diffusion, t, layout, modelOutput);
  const conditionedMean = mean.slice();
  conditionMean(conditionedMean, variance, gradient, 1);
  const conditionedXStart = conditionScore(diffusion, t, x, ancestral.predXStart, gradient, 1);
  const xStartForPosterior = modelOutput.subarray(0, x.length);
  const posterior = qPosteriorVariance(diffusion, t);
  return {
    pmv_mean: mean,
    pmv_variance: variance.variance,
    pmv_log_variance: variance.logVariance,
    pmv_pred_xstart: ancestral.predXStart,
    condition_mean: conditionedMean,
    condition_score_pred_xstart: conditionedXStart,
    condition_score_mean: qPosteriorMean(diffusion, t, conditionedXStart, x),
    p_sample: ancestral.sample,
    p_sample_guided: step('ddpm', 0, 1).sample,
    ddim_eta0: step('ddim', 0, 0).sample,
    ddim_eta05: step('ddim', 0.5, 0).sample,
    ddim_eta1: step('ddim', 1, 0).sample,
    ddim_guided_eta0: step('ddim', 0, 1).sample,
    ddim_guided_eta05: step('ddim', 0.5, 1).sample,
    ddim_guided_eta1: step('ddim', 1, 1).sample,
    ddim_reverse: step('ddim_inversion', 0, 0).sample,
    eps_from_pred_xstart: epsFromXStart(diffusion, t, x, ancestral.predXStart),
    q_sample: qSample(diffusion, t, x, noise),
    q_posterior_mean: qPosteriorMean(diffusion, t, xStartForPosterior, x),
    q_posterior_variance: posterior.variance,
    q_posterior_log_variance_clipped: posterior.logVariance,
  };
}

/**
 * Tolerance relative to the largest value of an array: four times the drift, and never more than a few roundings of
 * float32. The drift of the DDIM arrays is larger only because it compares with formulas in float64; an
 * implementation that rounds to float32 where the reference does has no reason to differ so much.
 */
function stepTolerance(drift: Drift, name: string): number {
  const relative = drift.steps_vs_independent_float64_formulas?.[name]?.relative_to_max_abs;
  return Math.min(4 * (relative ?? 1), 1e-6);
}
