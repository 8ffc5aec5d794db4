/** The words of a sample's events: those of its answers. */
import { statusOf } from '../../durable/job/status.ts';
import type { EventPresenter, EventView } from '../../durable/job/watch/presenter.ts';
import { Links } from '../links.ts';
import { imagePath, progressOf, queueOf, renderSample, retryOf } from '../render.ts';
import type { SampleEventData } from '../schemas/events.ts';

export const eventPresenter: EventPresenter = {
  status(state) {
    const status = statusOf(state);
    const retry = retryOf(state);
    const error = status === 'failed' ? state.failure : null;
    // A retry that is repeated, or a place in the queue that moves, is the same status still.
    const key = JSON.stringify([status, retry?.message, error]);
    return {
      key,
      data: { status, queue: queueOf(state), retry, error } satisfies SampleEventData<'status'>,
    };
  },

  step(state) {
    return progressOf(state) satisfies SampleEventData<'step'>;
  },

  async output({ spec, expiresAt }, image, view) {
    const url = await linksOf(view).signed(imagePath(spec.id, image), expiresAt);
    return { index: image, url } satisfies SampleEventData<'output'>;
  },

  async done(record, view) {
    const sample = await renderSample(record, linksOf(view));
    return { status: sample.status, sample } satisfies SampleEventData<'done'>;
  },
};

function linksOf({ env, origin }: EventView): Links {
  return new Links(env, { origin, now: Date.now() });
}
