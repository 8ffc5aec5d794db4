/** Measures the server on one execution provider: a process of its own, so that running out of memory ends only it. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { RemoteBackend } from '../../inference/remote/remote-backend.ts';
import { type ModelManifest, parseManifest } from '../../models/manifest.ts';
import type { Clock } from './clock.ts';
import { guidedStep } from './inputs.ts';
import type { Engine, Point } from './results.ts';

export interface Server extends AsyncDisposable {
  readonly manifest: ModelManifest;
  readonly backend: RemoteBackend;
}

/**
 * @param folder the model folder, alone in its parent
 * @throws {Error} with the server's own words if it can't serve
 */
export async function startOn(engine: Engine, folder: string, clock: Clock): Promise<Server> {
  const path = join(folder, 'model.json');
  const manifest = parseManifest(JSON.parse(await readFile(path, 'utf8')), path);
  if (manifest.id !== basename(folder)) throw new Error(`${path} is of ${manifest.id}`);
  const child = fork(
    fileURLToPath(new URL('server-process.ts', import.meta.url)),
    [join(folder, '..'), engine],
    {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    },
  );
  let said = '';
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-10_000);
  });
  const stop = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  };
  const started = once(child, 'message', { signal: clock.signal() });
  const ended = once(child, 'exit').then(() => {
    throw new Error(reason(said));
  });
  ended.catch(() => {});
  try {
    const [url] = (await Promise.race([started, ended])) as [string];
    const timeoutMs = Math.max(1, clock.leftMs());
    const backend = new RemoteBackend({ url, timeoutMs, findModel: () => manifest });
    return { manifest, backend, [Symbol.asyncDispose]: stop };
  } catch (error) {
    started.catch(() => {});
    await stop();
    throw error instanceof Error && error.name === 'AbortError' ? new Error('no time left to start') : error;
  }
}

/** What the server died of, in one line and without the stack. */
function reason(said: string): string {
  const [, message] = /^\w*Error: ([\s\S]*?)(?:\n\s+at |\n\n|$)/m.exec(said) ?? [];
  return (message ?? said.trim().split('\n').at(-1)!).replace(/\s+/g, ' ') || 'the server ended';
}

/** Repeats a guided step of `batch` images; the first two are not counted. */
export async function measure(
  { backend, manifest }: Server,
  batch: number,
  clock: Clock,
  { seconds, repeats }: { seconds: number; repeats: number },
): Promise<Point> {
  const request = guidedStep(manifest, batch);
  const once = async () => {
    const start = performance.now();
    await backend.evaluate(request, { signal: clock.signal() });
    return performance.now() - start;
  };
  await once();
  await once();
  const times: number[] = [];
  const begin = performance.now();
  while (times.length < repeats && (times.length < 3 || performance.now() - begin < 1000 * seconds)) {
    times.push(await once());
  }
  return { batch, times };
}
