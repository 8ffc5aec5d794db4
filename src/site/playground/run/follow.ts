/** Follows a sample: its events where they can be had, else a look every second. */
import type { CairnClient, SampleEvent, SampleResponse } from '../../../client/index.ts';
import { isFinished } from '../../../client/wait.ts';

/** ms between two looks. */
const LOOK_EVERY = 1000;
/** A browser keeps six connections to one server; two stay free for pictures and calls. */
const MAX_STREAMS = 4;
let streams = 0;

export interface Follower {
  readonly onEvent: (event: SampleEvent) => void;
  readonly onLook: (sample: SampleResponse) => void;
}

/** Resolves when the sample is over, or `signal` fires. */
export async function follow(
  client: CairnClient,
  id: string,
  { onEvent, onLook }: Follower,
  signal: AbortSignal,
): Promise<void> {
  if (await watch(client, id, onEvent, signal)) return;
  while (!signal.aborted) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY));
    // A look that fails is made again: what is shown stays true as of the last one.
    const sample = await client.readSample(id, { signal }).catch(() => null);
    if (sample === null || signal.aborted) continue;
    onLook(sample);
    if (isFinished(sample)) return;
  }
}

/** @returns whether it saw the end */
async function watch(
  client: CairnClient,
  id: string,
  onEvent: Follower['onEvent'],
  signal: AbortSignal,
): Promise<boolean> {
  if (streams >= MAX_STREAMS) return false;
  streams++;
  try {
    for await (const event of client.watch(id, { signal })) {
      onEvent(event);
      if (event.event === 'done') return true;
    }
  } catch {
    // No stream gets through, or it breaks off again and again.
  } finally {
    streams--;
  }
  return false;
}
