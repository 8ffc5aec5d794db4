/** Waits for the end of a sample: by its events, or by looking again and again. */

import type { SampleEvent } from '../functions/schemas/events.ts';
import type { SampleResponse, SampleStatus } from '../functions/schemas/sample-response.ts';
import { CairnError } from './error.ts';
import type { CallOptions } from './options.ts';
import { sleep } from './sleep.ts';

export interface WaitOptions extends CallOptions {
  /** Milliseconds between two looks: asks for polling. By default the events are watched, as far as they can be. */
  readonly interval?: number;
  /** Called with every news of the sample, its end included. */
  readonly onUpdate?: (sample: SampleResponse) => void;
}

/** What waiting needs of a client. */
export interface Source {
  readSample(id: string, options: CallOptions): Promise<SampleResponse>;
  watch(id: string, options: CallOptions): AsyncIterable<SampleEvent>;
}

const TERMINAL: ReadonlySet<SampleStatus> = new Set(['succeeded', 'failed', 'canceled']);
const POLLING_INTERVAL_MS = 500;

/** Whether a sample will not change any more. */
export function isFinished(sample: Pick<SampleResponse, 'status'>): boolean {
  return TERMINAL.has(sample.status);
}

export async function waitForEnd(source: Source, id: string, options: WaitOptions): Promise<SampleResponse> {
  const { interval, onUpdate, signal } = options;
  const call = signal === undefined ? {} : { signal };
  if (interval === undefined) {
    const sample = await byEvents(source, id, call, onUpdate);
    if (sample !== null) return sample;
  }
  for (;;) {
    const sample = await source.readSample(id, call);
    onUpdate?.(sample);
    if (isFinished(sample)) return sample;
    await sleep(interval ?? POLLING_INTERVAL_MS, signal);
  }
}

/** Null where there is no watching: no stream gets through, or too many are open. */
async function byEvents(
  source: Source,
  id: string,
  call: CallOptions,
  onUpdate: WaitOptions['onUpdate'],
): Promise<SampleResponse | null> {
  let sample = await source.readSample(id, call);
  onUpdate?.(sample);
  if (isFinished(sample)) return sample;
  try {
    for await (const event of source.watch(id, call)) {
      if (event.event === 'done') sample = event.data.sample;
      else if (event.event === 'status') sample = { ...sample, ...event.data };
      else if (event.event === 'step') sample = { ...sample, progress: event.data };
      else continue;
      onUpdate?.(sample);
      if (event.event === 'done') return sample;
    }
  } catch (error) {
    if (call.signal?.aborted || !(error instanceof CairnError || error instanceof TypeError)) throw error;
  }
  return null;
}
