/** From what a job knows to what the API says of it. */

import type { BatchReport } from '../durable/batch/report.ts';
import type { BatchView, JobRecord } from '../durable/job/job-store.ts';
import { startOf, statusOf } from '../durable/job/status.ts';
import { batchOf, type Classes, classOf, type SampleSpec, sharedStepsOf, targetOf } from '../durable/spec.ts';
import { type ModelManifest, modelDigest } from '../models/manifest.ts';
import { findModel } from '../models/registry.ts';
import { MAX_SHEET_IMAGES } from './downloads/frames.ts';
import type { Links } from './links.ts';
import { receiptOf, replayOf } from './receipt.ts';
import type { ModelResponse } from './schemas/common.ts';
import type { SampleResponse } from './schemas/sample-response.ts';

export async function renderSample(record: JobRecord, links: Links): Promise<SampleResponse> {
  const { spec } = record;
  const startedAt = startOf(record.batches);
  const path = `/v1/samples/${spec.id}`;
  const self = links.to(path);
  const grid = await links.signed(`${path}/grid.png`, record.expiresAt);
  return {
    id: spec.id,
    status: statusOf(record),
    created_at: iso(record.createdAt),
    started_at: startedAt === null ? null : iso(startedAt),
    finished_at: record.finishedAt === null ? null : iso(record.finishedAt),
    queue: queueOf(record),
    expires_at: record.expiresAt === null ? null : iso(record.expiresAt),
    priority: spec.priority,
    metadata: { ...spec.metadata },
    progress: progressOf(record, startedAt),
    retry: retryOf(record),
    error: record.status === 'failed' ? record.failure : null,
    patches: patchesOf(record),
    ...originOf(record),
    images: await imagesOf(record, links),
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

export function queueOf({ turn, status }: JobRecord): SampleResponse['queue'] {
  const waits = status === 'active' && turn.state === 'waiting' && turn.position !== null;
  return waits ? { position: turn.position } : null;
}

export function progressOf(record: JobRecord, startedAt: number | null): SampleResponse['progress'] {
  const steps = record.spec.numSteps;
  const shared = sharedStepsOf(record.spec);
  const taken = record.batches.reduce((sum, { report }) => sum + (report?.step ?? shared) - shared, 0);
  const mean = taken / record.batches.length;
  return {
    step: Math.floor(shared + mean),
    steps,
    shared_steps: shared,
    fraction: mean / (steps - shared),
    ...paceOf(record, startedAt, taken),
  };
}

type Pace = Pick<SampleResponse['progress'], 'steps_per_second' | 'seconds_left'>;

/** While it runs the pace of its batches lately, afterwards that of the whole. */
function paceOf(record: JobRecord, startedAt: number | null, taken: number): Pace {
  const { batches, finishedAt, spec } = record;
  if (record.status !== 'active') {
    const seconds = startedAt === null || finishedAt === null ? 0 : (finishedAt - startedAt) / 1000;
    return { steps_per_second: seconds > 0 ? taken / batches.length / seconds : null, seconds_left: null };
  }
  const times = batches.flatMap(({ report }) =>
    report?.status === 'running' && report.stepMs !== null && report.stepMs > 0 ? [report.stepMs] : [],
  );
  if (times.length === 0) return { steps_per_second: null, seconds_left: null };
  const stepSeconds = times.reduce((sum, ms) => sum + ms, 0) / times.length / 1000;
  const left = batches.length * (spec.numSteps - sharedStepsOf(spec)) - taken;
  return {
    steps_per_second: times.length / batches.length / stepSeconds,
    seconds_left: (left * stepSeconds) / times.length,
  };
}

export function retryOf(record: JobRecord): SampleResponse['retry'] {
  if (record.status !== 'active' || record.paused) return null;
  const retries = record.batches.flatMap(({ report }) => (report?.retry == null ? [] : [report.retry]));
  const [longest] = retries.toSorted((a, b) => a.since - b.since);
  return longest === undefined ? null : { ...longest, since: iso(longest.since) };
}

function imagesOf(record: JobRecord, links: Links): Promise<SampleResponse['images']> {
  const { spec, batches } = record;
  const names = findModel(spec.model)?.classes;
  const images = Array.from({ length: spec.count }, async (_, index) => {
    const label = labelOf(record, index);
    return {
      index,
      class: label,
      class_name: label === null ? null : (names?.[label] ?? null),
      seed: (spec.kind ?? 'sample') === 'sample' ? spec.seed + index : null,
      url: isWritten(spec, batches, index)
        ? await links.signed(imagePath(spec.id, index), record.expiresAt)
        : null,
    };
  });
  return Promise.all(images);
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
    npz: await there('samples.npz', true),
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
  const { spec, patches, batches } = record;
  const batch = batchOf(spec, image);
  const inherited = spec.course?.[batch]?.findLast(({ classes }) => classes !== null);
  const taken = new Set(batches[batch]?.report?.patches.map(({ seq }) => seq));
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

function isWritten(spec: SampleSpec, batches: readonly BatchView[], image: number): boolean {
  const report: BatchReport | null | undefined = batches[batchOf(spec, image)]?.report;
  return report?.status === 'succeeded';
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
