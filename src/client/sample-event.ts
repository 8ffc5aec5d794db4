/** What the events of a sample say. */
import type { SampleResponse, SampleStatus } from '../functions/schemas/sample-response.ts';

interface SampleEvents {
  status: Pick<SampleResponse, 'status' | 'retry' | 'error'>;
  step: SampleResponse['progress'];
  /** The predicted x_0 of some images, as PNGs in data URLs; the next event shows others. */
  preview: { step: number; images: { index: number; png: string }[] };
  output: { index: number; url: string };
  done: { status: SampleStatus; sample: SampleResponse };
}

export type SampleEventName = keyof SampleEvents;
/** Data of the events of one name, e.g. `SampleEventData<'step'>`. */
export type SampleEventData<Name extends SampleEventName> = SampleEvents[Name];
export type SampleEvent = {
  [Name in SampleEventName]: { id: number; event: Name; data: SampleEvents[Name] };
}[SampleEventName];
