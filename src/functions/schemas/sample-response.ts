/** What the API says of a sample; the typed client uses the same types. */
import { z } from '@hono/zod-openapi';
import { samplerName } from '../../models/manifest.ts';
import { forkedFrom, jobKind, receipt, replay } from './receipt.ts';
import { priorityName } from './sample-request.ts';
import { guidance, labels, resolvedTarget } from './steering.ts';
import { timestamp } from './time.ts';
import { keepTrajectory } from './trajectory.ts';

const url = z.url();

export const sampleStatus = z
  .enum(['queued', 'running', 'retrying', 'paused', 'succeeded', 'failed', 'canceled'])
  .openapi('SampleStatus', {
    description:
      'queued: accepted, no step taken, or waiting for a place. running: steps are being taken. retrying: the last call failed and will be repeated. paused: stands still until it is resumed. Terminal: succeeded, failed, canceled.',
  });

export const imageEntry = z
  .object({
    index: z.int(),
    class: z.int().nullable(),
    class_name: z.string().nullable(),
    seed: z
      .int()
      .nullable()
      .openapi({ description: 'Null for inversions and interpolations, which draw nothing.' }),
    url: url.nullable().openapi({ description: 'The PNG, once it is written.' }),
    sha256: z.string().nullable().openapi({
      description: 'Of the final tensor, float32 little-endian [C, H, W]; null until the image is written.',
    }),
  })
  .openapi('Image');

export type ImageEntry = z.infer<typeof imageEntry>;

/** A page of `GET /v1/samples/{id}/images`. */
export const imagePage = z
  .object({
    data: z.array(imageEntry),
    next_cursor: z.string().nullable().openapi({ description: 'Of the next page; null at the end.' }),
    count: z.int().openapi({ description: 'Images of the sample.' }),
    ready: z.int().openapi({ description: 'Of them, those that are written.' }),
  })
  .openapi('ImagePage');

export type ImagePage = z.infer<typeof imagePage>;

export const sampleResponse = z
  .object({
    id: z.string().openapi({ example: 'smp_5mafr3c5y3xq0v1k2h7t9bn8de' }),
    status: sampleStatus,
    created_at: timestamp,
    started_at: timestamp.nullable(),
    finished_at: timestamp.nullable(),
    expires_at: timestamp.nullable().openapi({
      description: 'When the sample is deleted with its outputs; null while it has not ended.',
    }),
    queue: z
      .object({ position: z.int().min(1) })
      .nullable()
      .openapi({
        description:
          "While it waits for one of the account's places (running_jobs): how many of its jobs are at or before it, 1 is next.",
      }),
    priority: priorityName,
    metadata: z.record(z.string(), z.string()),
    progress: z.object({
      step: z.int().openapi({ description: 'Steps taken, the mean over the batches rounded down.' }),
      steps: z.int(),
      shared_steps: z.int().openapi({
        description: 'Steps that a fork took over from its source; step and steps include them.',
      }),
      images_ready: z.int().openapi({ description: 'Images that are written.' }),
      fraction: z.number().min(0).max(1).openapi({ description: 'Of the steps that are its own.' }),
      steps_per_second: z.number().nullable(),
      seconds_left: z.number().nullable(),
    }),
    retry: z
      .object({ message: z.string(), since: timestamp, attempts: z.int() })
      .nullable()
      .openapi({ description: 'While steps fail: the last error, since when, how many tries.' }),
    error: z.object({ code: z.string(), message: z.string() }).nullable(),
    patches: z
      .array(
        z.object({
          at: timestamp,
          guidance_scale: guidance.nullable(),
          classes: z.array(resolvedTarget).nullable(),
          from_steps: z.array(z.int().nullable()).openapi({
            description: 'Per batch the first step it holds for, counted from 0; null: not taken in (yet).',
          }),
        }),
      )
      .openapi({ description: 'Changes of course while it ran, oldest first.' }),
    kind: jobKind,
    forked_from: forkedFrom.nullable(),
    replay: replay.nullable(),
    receipt: receipt.nullable(),
    images: z
      .array(imageEntry.omit({ sha256: true }))
      .openapi({ description: 'The first 256 images, in order.' }),
    more_images: url.nullable().openapi({
      description: 'Where the images go on, by the page, if there are more than 256; else null.',
    }),
    grid: url.nullable(),
    outputs: z
      .object({
        grid: url.nullable().openapi({ description: 'Contact sheet, PNG.' }),
        animation: url.nullable().openapi({
          description:
            'From noise to picture, animated PNG; only with keep_trajectory. image=n in its query asks for one image.',
        }),
        npz: url.nullable().openapi({
          description:
            "As the reference's scripts write it: arr_0 uint8 [N, H, W, C], arr_1 int64 labels if the images have classes.",
        }),
        latents: url
          .nullable()
          .openapi({ description: 'Final tensors, .npy of float32 [N, C, H, W]; only with keep_state.' }),
      })
      .openapi({ description: 'Files of the whole sample, null until they are there.' }),
    urls: z.object({
      self: url,
      cancel: url,
      pause: url,
      resume: url,
      events: url,
      grid: url,
      trajectory: url,
      fork: url,
      replay: url,
    }),
    webhook: z
      .object({
        url,
        status: z.enum(['waiting', 'pending', 'delivered', 'dead']),
        attempts: z.int(),
        last_result: z.string().nullable(),
      })
      .nullable(),
    request: z.object({
      model: z.string(),
      model_digest: z.string(),
      sampler: z.enum([...samplerName.options, 'ddim_inversion']),
      steps: z.string(),
      timesteps: z
        .array(z.int())
        .nullable()
        .openapi({ description: 'What a fork with another tail visits in place of steps, ascending.' }),
      eta: z.number(),
      clip_denoised: z.boolean(),
      guidance_scale: guidance,
      seed: z.int(),
      count: z.int(),
      classes: z.array(resolvedTarget).nullable(),
      labels: labels.nullable().openapi({ description: 'In place of classes, if the request had labels.' }),
      reproducibility: z.enum(['exact', 'fast']),
      precision: z
        .enum(['fp32', 'fp16'])
        .openapi({ description: 'Of the tensors between Cairn and its inference servers.' }),
      keep_trajectory: keepTrajectory.nullable(),
      keep_state: z.boolean(),
      preview_every: z.int(),
      deadline: timestamp.nullable(),
      retention_seconds: z.int().openapi({ description: 'Kept this long after its end.' }),
    }),
  })
  .openapi('Sample');

export type SampleResponse = z.infer<typeof sampleResponse>;
export type SampleStatus = z.infer<typeof sampleStatus>;
