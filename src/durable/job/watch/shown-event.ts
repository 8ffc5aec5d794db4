import type { EventKind } from './event-log.ts';

/** An event as its readers get it. */
export interface ShownEvent {
  readonly id: number;
  readonly kind: EventKind;
  /** Its data. */
  readonly json: string;
}
