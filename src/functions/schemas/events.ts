/** What the events of a sample say, over server-sent events and WebSockets alike; the typed client uses the same types. */
import { z } from '@hono/zod-openapi';
import { sampleResponse, sampleStatus } from './sample-response.ts';

const sample = sampleResponse.shape;

export const statusEvent = z
  .object({
    status: sampleStatus,
    queue: sample.queue,
    retry: sample.retry,
    error: sample.error,
  })
  .openapi('StatusEvent');

export const stepEvent = sample.progress.openapi('StepEvent');

export const previewEvent = z
  .object({
    step: z.int().openapi({ description: 'Steps that these images had taken.' }),
    images: z.array(
      z.object({
        index: z.int(),
        png: z.string().startsWith('data:image/png;base64,').openapi({
          description: 'The predicted x_0 as a PNG of at most 64 x 64 pixels, in a data URL.',
        }),
      }),
    ),
  })
  .openapi('PreviewEvent');

export const outputEvent = z.object({ index: z.int(), url: z.url() }).openapi('OutputEvent');

export const doneEvent = z.object({ status: sampleStatus, sample: sampleResponse }).openapi('DoneEvent');

function event<Name extends string, Data extends z.ZodType>(name: Name, data: Data) {
  return z.object({ id: z.int().positive(), event: z.literal(name), data });
}

/** One event as a WebSocket carries it; server-sent events carry the same three in their own fields. */
export const sampleEvent = z
  .discriminatedUnion('event', [
    event('status', statusEvent),
    event('step', stepEvent),
    event('preview', previewEvent),
    event('output', outputEvent),
    event('done', doneEvent),
  ])
  .openapi('SampleEvent', {
    description:
      'status: whenever the status or its reason changes. step: progress, at most four times a second. preview: what some images look like so far; the next event shows others. output: an image is written; there are none of a run of more than 256. done: the last one.',
  });

export type SampleEvent = z.infer<typeof sampleEvent>;
export type SampleEventName = SampleEvent['event'];
/** Data of the events of one name, e.g. `SampleEventData<'step'>`. */
export type SampleEventData<Name extends SampleEventName> = Extract<SampleEvent, { event: Name }>['data'];
