/** The benchmark's Worker in a workerd of its own, with an empty data folder that goes when it stops. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startLocalRuntime } from '../cli/local/runtime.ts';
import type { Operations } from './worker/operations.ts';

export interface LocalWorker extends AsyncDisposable {
  /** Of the product's API. */
  readonly url: string;
  readonly apiKey: string;
  call<K extends keyof Operations>(
    operation: K,
    input: Operations[K]['input'],
  ): Promise<Operations[K]['output']>;
}

/** @param variables for the Worker, over those of wrangler.toml */
export async function startLocalWorker(variables: Readonly<Record<string, string>>): Promise<LocalWorker> {
  const data = await mkdtemp(join(tmpdir(), 'cairn-bench-'));
  const runtime = await startLocalRuntime({ data, port: 0, variables, main: 'src/bench/worker/index.ts' });
  return {
    url: runtime.url,
    apiKey: runtime.apiKey,
    async call(operation, input) {
      const response = await fetch(`${runtime.url}/bench/${operation}`, {
        method: 'POST',
        body: JSON.stringify(input),
      });
      if (!response.ok) throw new Error(`${operation}: ${response.status} ${await response.text()}`);
      return (await response.json()) as Operations[typeof operation]['output'];
    },
    async [Symbol.asyncDispose]() {
      await runtime.stop();
      await rm(data, { recursive: true, force: true });
    },
  };
}
