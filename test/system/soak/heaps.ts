/** What lives in the heaps of a soak's processes when nothing is under way. */
import type { RunningScript } from '../npm-script.ts';
import { type Inspector, openInspector } from './inspector.ts';

/** Lets {@link liveInNode} choose a free port, and the engines that inherit it as well. */
export const INSPECTABLE = { NODE_OPTIONS: '--inspect-port=0' };

/** @param script Node itself, started with {@link INSPECTABLE} @returns MiB */
export async function liveInNode(script: RunningScript): Promise<number> {
  script.signal('SIGUSR1');
  const [, url] = await script.line(/^Debugger listening on (ws:\S+)/);
  return live(await openInspector(url!));
}

/**
 * @param place host and port where DevTools find it
 * @param ask has it do something
 * @returns MiB
 */
export async function liveInWorker(place: string, ask: () => Promise<unknown>): Promise<number> {
  const isolates = (await (await fetch(`http://${place}/json/list`)).json()) as Isolate[];
  const ours = isolates.find(({ id }) => id.startsWith('core:user:'));
  if (ours === undefined) throw new Error(`workerd has no Worker of ours among ${JSON.stringify(isolates)}`);
  const inspector = await openInspector(ours.webSocketDebuggerUrl);
  // workerd collects when an isolate next has something to do, and lets the inspector wait until then.
  const busy = setInterval(() => void ask().catch(() => {}), 50);
  try {
    return await live(inspector);
  } finally {
    clearInterval(busy);
  }
}

/** After a full collection: what is in the heap, and what lies outside for objects in it. */
async function live(inspector: Inspector): Promise<number> {
  try {
    // What the first one finalizes the second one frees.
    for (let i = 0; i < 2; i++) await inspector.ask('HeapProfiler.collectGarbage');
    const usage = await inspector.ask<HeapUsage>('Runtime.getHeapUsage');
    return (usage.usedSize + usage.embedderHeapUsedSize + usage.backingStorageSize) / 2 ** 20;
  } finally {
    inspector.close();
  }
}

interface Isolate {
  readonly id: string;
  readonly webSocketDebuggerUrl: string;
}

/** Bytes. */
interface HeapUsage {
  readonly usedSize: number;
  readonly embedderHeapUsedSize: number;
  readonly backingStorageSize: number;
}
