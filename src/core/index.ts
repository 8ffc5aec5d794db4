/** The mathematics of guided diffusion sampling: pure functions over plain data. */
export {
  createDiffusion,
  cumulativeAlphas,
  type Diffusion,
  diffusionAt,
  diffusionFromBetas,
  modelTimestep,
} from './diffusion.ts';
export { forkState, tailTimesteps, withTail } from './fork.ts';
export { qPosteriorMean, qPosteriorVariance, qSample } from './forward.ts';
export { conditionMean, conditionScore } from './guidance.ts';
export {
  type GuidanceSchedule,
  type GuidedStep,
  guidanceScaleAt,
  guidesAnywhere,
} from './guidance-schedule.ts';
export { drawLabel } from './labels.ts';
export {
  type BatchLayout,
  type DenoisedOptions,
  epsFromXStart,
  type ModelVariance,
  meanPart,
  modelMean,
  modelVariance,
  predictXStart,
  xStartFromEps,
} from './mean-variance.ts';
export { drawNoise, imageSeed } from './noise.ts';
export { philox4x32 } from './philox.ts';
export { fromNHWC, type ImageShape, toNHWC, toUint8 } from './pixels.ts';
export { RespacingError, spaceTimesteps } from './respacing.ts';
export {
  initSampler,
  needsGradient,
  needsNoise,
  type SamplerConfig,
  type SamplerName,
  type SamplerState,
  type StepEvaluation,
  type StepResult,
  samplerSteps,
  stepSampler,
} from './sampler.ts';
export { namedBetas } from './schedule.ts';
export {
  type DiffusionSettings,
  learnsVariance,
  type MeanType,
  type NoiseSchedule,
  type VarianceType,
} from './settings.ts';
export { slerp } from './slerp.ts';
export { shrink, shrunkSize, type Thumbnail } from './thumbnail.ts';
export { embeddingFrequencies, timestepEmbedding } from './timestep-embedding.ts';
