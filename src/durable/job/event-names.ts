/** What a job tells the world about: the one enumeration that webhooks, their filters and the documentation share. */

/** The last three are ends, of which a life of a job has one. */
export const SAMPLE_EVENTS = [
  'sample.started',
  'sample.paused',
  'sample.resumed',
  'sample.succeeded',
  'sample.failed',
  'sample.canceled',
] as const;

export type SampleEvent = (typeof SAMPLE_EVENTS)[number];

/** What a receiver gets that names no events. */
export const DEFAULT_EVENTS: readonly SampleEvent[] = [
  'sample.succeeded',
  'sample.failed',
  'sample.canceled',
];
