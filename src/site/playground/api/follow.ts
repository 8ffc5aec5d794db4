/** Follows a sample: its events where they can be had, else a look every second. */
import type { EventData, Sample } from './types.ts';

export type EventName = keyof EventData;
export type OnEvent = <Name extends EventName>(name: Name, data: EventData[Name]) => void;

export interface Follower {
  readonly onEvent: OnEvent;
  /** The stream ended or can't be had: look yourself. */
  readonly onLost: () => void;
}

const NAMES: readonly EventName[] = ['status', 'step', 'preview', 'output', 'done'];
/** A browser keeps six connections to one server; two stay free for pictures and calls. */
const MAX_STREAMS = 4;
let streams = 0;

/** @returns ends it */
export function followEvents(sample: Sample, { onEvent, onLost }: Follower): () => void {
  const url = sample.urls.events;
  if (url === undefined || streams >= MAX_STREAMS) {
    onLost();
    return () => {};
  }
  streams++;
  const source = new EventSource(ownOrigin(url));
  let open = true;
  const close = () => {
    if (open) streams--;
    open = false;
    source.close();
  };
  for (const name of NAMES) {
    source.addEventListener(name, ({ data }: MessageEvent<string>) => {
      if (!open) return;
      onEvent(name, JSON.parse(data));
      if (name === 'done') close();
    });
  }
  source.addEventListener('error', () => {
    // While the browser tries again by itself, from the last event it has seen, there is nothing to do.
    if (!open || source.readyState !== EventSource.CLOSED) return;
    close();
    onLost();
  });
  return close;
}

/** Answers name the origin as the Worker sees it; behind a proxy the page may have come from another. */
export function ownOrigin(url: string): string {
  const { pathname, search } = new URL(url, location.href);
  return pathname + search;
}
