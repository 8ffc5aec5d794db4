/** Where a batch's walk begins: noise of its seeds, or what another job or a request left for it. */
import { drawNoise, type SamplerState, slerp } from '../../core/index.ts';
import type { Env } from '../../env.ts';
import type { ModelManifest } from '../../models/manifest.ts';
import { batchObject } from '../batch-object.ts';
import { pngToTensor } from '../image-input.ts';
import { inputKey } from '../outputs.ts';
import type { BatchSpec, Latent, NoiseEnd } from '../spec.ts';
import { join } from './chunks.ts';
import { messageOf, SourceError } from './retry.ts';
import type { Trajectory } from './trajectory.ts';

/** @throws {SourceError} if what it begins with can't be had, now or ever */
export async function firstState(
  env: Env,
  spec: BatchSpec,
  manifest: ModelManifest,
  trajectory: Trajectory,
): Promise<SamplerState> {
  const { start } = spec.job;
  if (start == null) return trajectory.start();
  switch (start.type) {
    case 'kept':
      return trajectory.goOnFrom(await keptStateOf(env, start.sample, spec.index, start.step));
    case 'latent':
      return trajectory.startAt(repeat(await latentOf(env, start.latent), spec.size));
    case 'image':
      return trajectory.startAt(repeat(await uploadedImage(env, spec, manifest), spec.size));
    case 'between': {
      const [from, to] = await Promise.all([
        noiseAt(env, start.from, manifest),
        noiseAt(env, start.to, manifest),
      ]);
      const last = spec.job.count - 1;
      const images = Array.from({ length: spec.size }, (_, i) => slerp(from, to, (spec.first + i) / last));
      return trajectory.startAt(concatenate(images));
    }
  }
}

function noiseAt(env: Env, end: NoiseEnd, { image }: ModelManifest): Promise<Float32Array> {
  if (end.type === 'latent') return latentOf(env, end);
  return Promise.resolve(drawNoise([end.seed], image.channels * image.height * image.width, 0));
}

async function keptStateOf(env: Env, sample: string, batch: number, step: number): Promise<SamplerState> {
  const stub = batchObject(env, sample, batch);
  const missing = `sample ${sample} does not keep step ${step} (any more)`;
  const kept = await reach(() => stub.keptState(step), sample);
  if (kept === null) throw new SourceError(missing, { gone: true });
  const tensors: Record<string, Float32Array> = {};
  for (const [name, count] of Object.entries(kept.chunks)) {
    const chunks: ArrayBuffer[] = [];
    for (let seq = 0; seq < count; seq++) {
      const chunk = await reach(() => stub.keptChunk(step, name, seq), sample);
      if (chunk === null) throw new SourceError(missing, { gone: true });
      chunks.push(chunk);
    }
    tensors[name] = join(chunks);
  }
  return { ...kept.scalars, tensors: { ...tensors, x: tensors.x! } };
}

/** `[C, H, W]`. */
async function latentOf(env: Env, { sample, image, batch, of }: Latent): Promise<Float32Array> {
  const stub = batchObject(env, sample, batch);
  const latent = await reach(
    () => (of === 'result' ? stub.finalTensor(image) : stub.keptTensor(0, 'x_t', image)),
    sample,
  );
  if (latent !== null) return latent;
  throw new SourceError(`sample ${sample} does not have the ${of} of image ${image} (any more)`, {
    gone: true,
  });
}

/** The upload as a tensor `[C, H, W]`. It was found right when it came. */
async function uploadedImage(env: Env, spec: BatchSpec, { image }: ModelManifest): Promise<Float32Array> {
  const key = inputKey(spec.job.id);
  const object = await reach(() => env.OUTPUTS.get(key), 'the bucket');
  // It is written before the job is accepted, or right after by a request that comes twice: not there is not gone.
  if (object === null) throw new SourceError(`the bucket does not have ${key}`, { gone: false });
  return pngToTensor(new Uint8Array(await reach(() => object.arrayBuffer(), 'the bucket')), image);
}

/** @throws {SourceError} that may be tried again, for whatever the platform throws */
async function reach<T>(call: () => Promise<T>, whom: string): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw new SourceError(`could not reach ${whom}: ${messageOf(error)}`, { gone: false, cause: error });
  }
}

function repeat(image: Float32Array, times: number): Float32Array {
  return concatenate(Array.from({ length: times }, () => image));
}

function concatenate(images: readonly Float32Array[]): Float32Array {
  const [first] = images;
  const out = new Float32Array((first?.length ?? 0) * images.length);
  for (const [i, image] of images.entries()) out.set(image, i * image.length);
  return out;
}
