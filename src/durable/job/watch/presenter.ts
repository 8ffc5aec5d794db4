/** How events speak of a job: the API's words, which the layer above the objects knows. */
import type { Env } from '../../../env.ts';
import type { JobRecord, JobState } from '../job-record.ts';
import type { EventData } from './event-log.ts';

export interface EventPresenter {
  /** Two statuses with the same key are one; what else its data says may change within it. */
  status(state: JobState): { readonly key: string; readonly data: EventData };
  step(state: JobState): EventData;
  /** @param view whose links: they lead to where the reader came in */
  output(state: JobState, image: number, view: EventView): Promise<EventData>;
  done(record: JobRecord, view: EventView): Promise<EventData>;
}

/** Who an event is shown to. */
export interface EventView {
  readonly env: Env;
  /** Of the reader's request, e.g. `https://api.example.com`. */
  readonly origin: string;
}
