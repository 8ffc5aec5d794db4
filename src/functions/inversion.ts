/** From an uploaded image to a job that follows DDIM back to its noise. */
import { createDiffusion, samplerSteps } from '../core/index.ts';
import { hex } from '../durable/batch/receipt.ts';
import { ImageInputError, pngToTensor } from '../durable/image-input.ts';
import type { SampleSpec } from '../durable/spec.ts';
import type { Env } from '../env.ts';
import { diffusionSettingsOf } from '../models/manifest.ts';
import { findModel } from '../models/registry.ts';
import { resolveKeepTrajectory } from './keep-trajectory.ts';
import { fieldProblem } from './problem.ts';
import { type RequestOrigin, resolveSample } from './resolve.ts';
import type { InversionRequest } from './schemas/inversion-request.ts';

export interface ResolvedInversion {
  readonly spec: SampleSpec;
  /** As it came, found to be an image of the model. */
  readonly png: Uint8Array<ArrayBuffer>;
}

/** @throws {Problem} naming the field */
export async function resolveInversion(
  { image, ...request }: InversionRequest,
  origin: RequestOrigin,
  env: Env,
): Promise<ResolvedInversion> {
  const common = resolveSample(
    {
      ...request,
      keep_trajectory: undefined,
      clip_denoised: request.clip_denoised ?? false, // a clamp can't be undone on the way back
      sampler: 'ddim',
      eta: 0,
      guidance_scale: 0,
      count: 1,
      seed: 0,
      keep_state: true,
    },
    origin,
    env,
  );
  const manifest = findModel(common.model)!;
  const png = decodeBase64(image);
  try {
    pngToTensor(png, manifest.image);
  } catch (error) {
    if (!(error instanceof ImageInputError)) throw error;
    throw fieldProblem('invalid-request', '/image', error.message);
  }
  const diffusion = createDiffusion(diffusionSettingsOf(manifest), common.steps);
  const numSteps = samplerSteps(diffusion, { sampler: 'ddim_inversion' });
  const walk = { count: 1, batchSize: common.batchSize, first: 0, last: numSteps };
  const spec: SampleSpec = {
    ...common,
    kind: 'inversion',
    sampler: 'ddim_inversion',
    numSteps,
    keepTrajectory: resolveKeepTrajectory(request.keep_trajectory, manifest, walk),
    start: { type: 'image', sha256: hex(await crypto.subtle.digest('SHA-256', png)) },
  };
  return { spec, png };
}

/** @throws {Problem} */
function decodeBase64(text: string): Uint8Array<ArrayBuffer> {
  const data = text.startsWith('data:') ? /^data:image\/png;base64,(.*)$/s.exec(text)?.[1] : text;
  try {
    if (data === undefined) throw new SyntaxError('another media type');
    return Uint8Array.fromBase64(data.replace(/\s+/g, ''), {
      alphabet: /[-_]/.test(data) ? 'base64url' : 'base64',
    });
  } catch {
    throw fieldProblem(
      'invalid-request',
      '/image',
      'expected a PNG in base64, or a data URL data:image/png;base64,...',
    );
  }
}
