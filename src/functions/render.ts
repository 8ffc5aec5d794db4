/** From what a job knows to what the API says of it. */

import type { BatchView, JobRecord, JobState } from '../durable/job/job-record.ts';
import { statusOf } from '../durable/job/status.ts';
import {
  batchCount,
  batchOf,
  type Classes,
  classOf,
  isLarge,
  LISTED_IMAGES,
  type SampleSpec,
  sharedStepsOf,
  targetOf,
} from '../durable/spec.ts';
import { type ModelManifest, modelDigest } from '../models/manifest.ts';
import { findModel } from '../models/registry.ts';
import { encodeImageCursor } from './cursor.ts';
import { MAX_SHEET_IMAGES } from './downloads/frames.ts';
import { canSend } from './downloads/run-arrays.ts';
import type { Links } from './links.ts';
import { receiptOf, replayOf } from './receipt.ts';
import type { ModelResponse } from './schemas/common.ts';
import type { ImageEntry, SampleResponse } from './schemas/sample-response.ts';

export async function renderSample(record: JobRecord, links: Links): Promise<SampleResponse> {
  const { spec } = record;
  const path = `/v1/samples/${spec.id}`;
  const self = links.to(path);
  const grid = await links.signed(`${path}/grid.png`, record.expiresAt);
  return {
    id: spec.id,
    status: statusOf(record),
    created_at: iso(record.createdAt),
    started_at: record.startedAt === null ? null : iso(record.startedAt),
    finished_at: record.finishedAt === null ? null : iso(record.finishedAt),
    queue: queueOf(record),
    expires_at: record.expiresAt === null ? null : iso(record.expiresAt),
    priority: spec.priority,
    metadata: { ...spec.metadata },
    progress: progressOf(record),
    retry: retryOf(record),
    error: record.status === 'failed' ? record.failure : null,
    patches: patchesOf(record),
    ...originOf(record),
    images: await imagesOf(record, links),
    more_images: isLarge(spec) ? `${self}/images?cursor=${encodeImageCursor(LISTED_IMAGES)}` : null,
    grid: record.status === 'succeeded' ? grid : null,
    outputs: await outputsOf(record, links),
    urls: {
      self,
      cancel: `${self}/cancel`,
      pause: `${self}/pause`,
      resume: `${self}/resume`,
      events: await links.signed(`${path}/events`, record.expiresAt),
      grid,
      trajectory: `${self}/trajectory`,
      fork: `${self}/fork`,
      replay: `${self}/replay`,
    },
    webhook: webhookOf(record),
    request: {
      model: spec.model,
      model_digest: spec.modelDigest,
      sampler: spec.sampler,
      steps: spec.steps,
      timesteps: spec.timesteps == null ? null : [...spec.timesteps],
      eta: spec.eta,
      clip_denoised: spec.clipDenoised,
      guidance_scale: spec.guidance,
      seed: spec.seed,
      count: spec.count,
      ...classesOf(spec),
      reproducibility: spec.reproducibility,
      precision: spec.precision,
      keep_trajectory: spec.keepTrajectory ?? null,
      keep_state: spec.keepState,
      preview_every: spec.previewEvery,
      deadline: spec.deadlineAt === null ? null : iso(spec.deadlineAt),
      retention_seconds: record.retentionMs / 1000,
    },
  };
}

/** As the request said it, with indices for names. */
function classesOf({ classes }: SampleSpec): Pick<SampleResponse['request'], 'classes' | 'labels'> {
  if (classes === null) return { classes: null, labels: null };
  if (!('type' in classes)) return { classes: [...classes], labels: null };
  if (classes.type === 'random') return { classes: null, labels: 'random' };
  const counts = classes.counts.map(({ label, images }) => [label, images]);
  return { classes: null, labels: Object.fromEntries(counts) };
}

export function renderModel(manifest: ModelManifest, origin: string): ModelResponse {
  const { id, name, description, image, classes, class_conditional, defaults, max_batch_size } = manifest;
  return {
    id,
    name,
    description: description ?? null,
    image,
    classes,
    class_conditional,
    guided: manifest.graphs.gradient !== undefined,
    diffusion_steps: manifest.diffusion.steps,
    defaults,
    max_batch_size,
    digest: modelDigest(manifest),
    url: `${origin}/v1/models/${id}`,
  };
}

export function queueOf({ turn, status }: JobState): SampleResponse['queue'] {
  const waits = status === 'active' && turn.state === 'waiting' && turn.position !== null;
  return waits ? { position: turn.position } : null;
}

export function progressOf(state: JobState): SampleResponse['progress'] {
  const steps = state.spec.numSteps;
  const shared = sharedStepsOf(state.spec);
  const own = steps - shared;
  const taken = state.open.reduce(
    (sum, { report, reached }) => sum + Math.max(report?.step ?? reached, shared) - shared,
    state.succeeded * own + state.freshSteps,
  );
  const mean = taken / batchCount(state.spec);
  return {
    step: Math.floor(shared + mean),
    steps,
    shared_steps: shared,
    fraction: mean / own,
    images_ready: state.images,
    ...paceOf(state, taken),
  };
}

type Pace = Pick<SampleResponse['progress'], 'steps_per_second' | 'seconds_left'>;

/** While it runs the pace of its batches lately, afterwards that of the whole. */
function paceOf(state: JobState, taken: number): Pace {
  const { open, startedAt, finishedAt, spec } = state;
  const batches = batchCount(spec);
  if (state.status !== 'active') {
    const seconds = startedAt === null || finishedAt === null ? 0 : (finishedAt - startedAt) / 1000;
    return { steps_per_second: seconds > 0 ? taken / batches / seconds : null, seconds_left: null };
  }
  const times = open.flatMap(({ report }) =>
    report?.status === 'running' && report.stepMs !== null && report.stepMs > 0 ? [report.stepMs] : [],
  );
  if (times.length === 0) return { steps_per_second: null, seconds_left: null };
  const stepSeconds = times.reduce((sum, ms) => sum + ms, 0) / times.length / 1000;
  const left = batches * (spec.numSteps - sharedStepsOf(spec)) - taken;
  return {
    steps_per_second: times.length / batches / stepSeconds,
    seconds_left: (left * stepSeconds) / times.length,
  };
}

export function retryOf(state: JobState): SampleResponse['retry'] {
  if (state.status !== 'active' || state.paused) return null;
  const retries = state.open.flatMap(({ phase, report }) => {
    if (phase !== 'aside') return report?.retry ?? [];
    const { failure, finishedAt } = report!;
    return { message: failure?.message ?? 'a batch failed', since: finishedAt!, attempts: 1 };
  });
  const [longest] = retries.toSorted((a, b) => a.since - b.since);
  return longest === undefined ? null : { ...longest, since: iso(longest.since) };
}

async function imagesOf(record: JobRecord, links: Links): Promise<SampleResponse['images']> {
  const images = Math.min(record.spec.count, LISTED_IMAGES);
  const entries = await Promise.all(
    Array.from({ length: images }, (_, index) => imageEntry(record, index, links)),
  );
  return entries.map(({ sha256: _, ...entry }) => entry);
}

/** @param image of one of the record's batches */
export async function imageEntry(record: JobRecord, image: number, links: Links): Promise<ImageEntry> {
  const { spec } = record;
  const label = labelOf(record, image);
  const batch = batchWith(record, image);
  const written = batch?.phase === 'succeeded';
  return {
    index: image,
    class: label,
    class_name: label === null ? null : (findModel(spec.model)?.classes[label] ?? null),
    seed: (spec.kind ?? 'sample') === 'sample' ? spec.seed + image : null,
    url: written ? await links.signed(imagePath(spec.id, image), record.expiresAt) : null,
    sha256: batch?.digests?.[image % spec.batchSize] ?? null,
  };
}

/** Batches are in order, and often all of them are there. */
function batchWith({ spec, batches }: JobRecord, image: number): BatchView | undefined {
  const index = batchOf(spec, image);
  const likely = batches[index - (batches[0]?.index ?? 0)];
  return likely?.index === index ? likely : batches.find((batch) => batch.index === index);
}

export function imagePath(sample: string, image: number): string {
  return `/v1/samples/${sample}/images/${image}.png`;
}

async function outputsOf(record: JobRecord, links: Links): Promise<SampleResponse['outputs']> {
  const { spec, status } = record;
  const there = async (file: string, made: boolean) =>
    made && status === 'succeeded' ? links.signed(`/v1/samples/${spec.id}/${file}`, record.expiresAt) : null;
  return {
    grid: await there('grid.png', true),
    animation: await there('animation.png', spec.keepTrajectory != null && spec.count <= MAX_SHEET_IMAGES),
    npz: await there('samples.npz', canSend(record)),
    latents: await there('latents.npy', spec.keepState),
  };
}

/** The class that an image is of, or null. Of several it is the one with the most weight. */
export function labelOf(record: JobRecord, image: number): number | null {
  const target = targetOf(classesNow(record, image), image, record.spec.seed);
  return target === null ? null : classOf(target);
}

/** What an image is guided to at last: the patches that its batch has taken in change it. */
function classesNow(record: JobRecord, image: number): Classes | null {
  const { spec, patches } = record;
  const inherited = spec.course?.[batchOf(spec, image)]?.findLast(({ classes }) => classes !== null);
  const taken = new Set(batchWith(record, image)?.report?.patches.map(({ seq }) => seq));
  const latest = patches.findLast(({ seq, classes }) => classes !== null && taken.has(seq));
  return latest?.classes ?? inherited?.classes ?? spec.classes;
}

/** Where another job was gone on from, another was run again, and what this one did in the end. */
function originOf(record: JobRecord): Pick<SampleResponse, 'kind' | 'forked_from' | 'replay' | 'receipt'> {
  const { spec } = record;
  return {
    kind: spec.kind ?? 'sample',
    forked_from: spec.forkedFrom ?? null,
    replay: replayOf(record),
    receipt: receiptOf(record),
  };
}

function patchesOf({ patches, batches }: JobRecord): SampleResponse['patches'] {
  return patches.map(({ seq, at, guidance, classes }) => ({
    at: iso(at),
    guidance_scale: guidance,
    classes: classes === null ? null : [...classes],
    from_steps: batches.map(({ report }) => report?.patches.find((known) => known.seq === seq)?.step ?? null),
  }));
}

function webhookOf({ spec, webhook }: JobRecord): SampleResponse['webhook'] {
  if (spec.webhook === null) return null;
  return {
    url: spec.webhook.url,
    status: webhook?.status ?? 'waiting',
    attempts: webhook?.attempts ?? 0,
    last_result: webhook?.lastResult ?? null,
  };
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
