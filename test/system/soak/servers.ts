/** Inference servers as an operator runs them, each behind a proxy that misbehaves when it is told to. */

import { startInferenceProxy } from '../../support/inference-proxy.ts';
import type { Listening } from '../../support/listen.ts';
import type { Fault } from '../../support/shared.ts';
import { freePort } from '../free-port.ts';
import { type RunningScript, runScript } from '../npm-script.ts';
import { INSPECTABLE } from './heaps.ts';
import { processesOf } from './processes.ts';

export interface SoakServer {
  readonly name: string;
  /** Of the proxy. */
  readonly url: string;
  /** As it is now. */
  readonly script: RunningScript;
  /** SIGKILL to all of it; starts it again after so many milliseconds. Does nothing while it starts. */
  kill(downMs: number): Promise<void>;
  /** SIGKILL to its engine alone. */
  killEngine(): Promise<void>;
  spoil(fault: Fault, times: number, ms: number): Promise<void>;
  close(): Promise<void>;
}

export async function startSoakServer(name: string): Promise<SoakServer> {
  const port = await freePort();
  let script = await start(port);
  let starting: Promise<unknown> | null = null;
  const proxy: Listening = await startInferenceProxy(`http://127.0.0.1:${port}`);
  return {
    name,
    url: proxy.url,
    get script() {
      return script;
    },
    kill: async (downMs) => {
      if (starting !== null) return;
      await script.kill();
      starting = new Promise((resolve) => setTimeout(resolve, downMs)).then(async () => {
        script = await start(port);
        starting = null;
      });
    },
    killEngine: async () => {
      const engine = (await processesOf(script.group)).find(({ command }) =>
        command.includes('engine/main.ts'),
      );
      if (engine !== undefined) process.kill(engine.pid, 'SIGKILL');
    },
    spoil: async (fault, times, ms) => {
      const body = JSON.stringify({ fault, after: 0, times, ms });
      // A proxy that is down for a moment is spoiled already.
      await fetch(`${proxy.url}/control`, { method: 'POST', body }).catch(() => {});
    },
    close: async () => {
      await starting;
      await script.kill();
      await proxy.close();
    },
  };
}

/**
 * A small heap, so that resident memory shows less garbage: left to itself the server collects at five times what lives
 * (src/server/heap.ts), and 48,000 requests bring it to 305 MiB. With this it is 187.
 */
const NODE = { NODE_OPTIONS: `${INSPECTABLE.NODE_OPTIONS} --max-old-space-size=64` };

/** One thread: a sum split over threads may round in another way. */
async function start(port: number): Promise<RunningScript> {
  const flags = ['--port', String(port), '--threads', '1', '--log-level', 'error'];
  const script = runScript('cairn', ['serve', 'models', ...flags], NODE);
  await script.line(/^Serving mnist-32/);
  return script;
}
