/**
 * A soak: the whole of Cairn on this machine, several inference servers that are killed, stall, break connections and
 * answer nonsense, and many jobs that must end all the same, exact ones with the bytes of an undisturbed run.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../free-port.ts';
import { startCairn, stopCairn } from '../local-cairn.ts';
import { createAll, picturesOf } from '../outputs.ts';
import type { Random } from '../random.ts';
import { breakThings } from './faults.ts';
import { INSPECTABLE, liveInNode, liveInWorker } from './heaps.ts';
import { type JobOutcome, runJob, TEMPLATES } from './jobs.ts';
import { COLLECT_EARLY, type Course, type Growth } from './memory.ts';
import { askAsNeighbour } from './neighbours.ts';
import { watchResident } from './resident.ts';
import { startSoakServer } from './servers.ts';

export interface SoakOptions {
  /** While things break and new jobs come; the last jobs finish after it. */
  readonly seconds: number;
  readonly servers: number;
  /** Jobs under way at a time. */
  readonly clients: number;
  readonly random: Random;
  readonly onProgress?: (line: string) => void;
}

export interface SoakResult {
  readonly jobs: readonly JobOutcome[];
  readonly faults: ReadonlyMap<string, number>;
  readonly neighbours: { readonly answered: number; readonly failed: number };
  /** Resident memory of each process. */
  readonly memory: readonly Course[];
  /** What lives in each heap when nothing is under way: after a quarter of the time, and at the end. */
  readonly heaps: readonly Growth[];
  /** Exit code of Cairn after it was asked to stop. */
  readonly exitCode: number | null;
}

export async function runSoak(options: SoakOptions): Promise<SoakResult> {
  const { seconds, clients, random, onProgress = () => {} } = options;
  const data = await mkdtemp(join(tmpdir(), 'cairn-soak-'));
  const servers = await Promise.all(
    Array.from({ length: options.servers }, (_, i) => startSoakServer(`server-${i}`)),
  );
  try {
    const fleet = servers.map(({ name, url }) => ({ name, url }));
    const cairn = startCairn({
      ...{ data, port: await freePort(), inspect: true },
      env: {
        ...COLLECT_EARLY,
        ...INSPECTABLE,
        INFERENCE_BACKEND: 'remote',
        INFERENCE_BACKENDS: JSON.stringify(fleet),
        INFERENCE_TIMEOUT_MS: '5000',
      },
    });
    const client = await cairn.client();
    const [, url] = await cairn.line(/Cairn is listening on (http:\S+)/);
    const [, apiKey] = await cairn.line(/API key for development: (\S+)/);
    const [, inspector] = await cairn.line(/DevTools.*: (\S+)$/);
    const api = postTo(`${url}/v1/samples`, apiKey!);

    onProgress('drawing undisturbed');
    const undisturbed = await picturesOf(client, await createAll(client, exactTemplates()));

    onProgress('breaking things');
    const stopWatching = watchResident(cairn.group, servers[0]!);
    const jobs: JobOutcome[] = [];
    const faults = new Map<string, number>();
    const neighbours = { answered: 0, failed: 0 };
    const urls = servers.map((server) => server.url);
    const breakFor = async (ms: number) => {
      const over = new AbortController();
      const ended = AbortSignal.any([AbortSignal.timeout(ms), over.signal]);
      const work = async () => {
        while (!ended.aborted) {
          const job = await runJob(client, api, random, undisturbed);
          jobs.push(job);
          if (job.problem !== null) onProgress(job.problem);
          if (jobs.length % 25 === 0) onProgress(`${jobs.length} jobs`);
        }
      };
      const [broken, asked] = await Promise.all([
        breakThings(servers, random, ended),
        askAsNeighbour(urls, random, ended),
        ...Array.from({ length: clients }, work),
      ]).finally(() => over.abort());
      for (const [what, count] of broken) faults.set(what, (faults.get(what) ?? 0) + count);
      neighbours.answered += asked.answered;
      neighbours.failed += asked.failed;
    };
    const liveHeaps = async () => ({
      'inference server': await liveInNode(servers[0]!.script),
      Worker: await liveInWorker(inspector!, () => client.listModels()),
      'Node of npm start': await liveInNode(cairn),
    });

    await breakFor(Math.round(250 * seconds));
    const early = { jobs: jobs.length, live: await liveHeaps() };
    onProgress(`${early.jobs} jobs, at rest`);
    await breakFor(Math.round(750 * seconds));
    const late = await liveHeaps();
    const heaps = Object.entries(late).map(([heap, lateMiB]) => ({
      ...{ heap, earlyMiB: early.live[heap as keyof typeof late], lateMiB },
      jobs: jobs.length - early.jobs,
    }));
    const memory = await stopWatching();
    return { jobs, faults, neighbours, memory, heaps, exitCode: await stopCairn(cairn) };
  } finally {
    await Promise.all(servers.map((server) => server.close()));
    await rm(data, { recursive: true, force: true });
  }
}

function exactTemplates() {
  return TEMPLATES.map((template) => ({ ...template, reproducibility: 'exact' as const }));
}

function postTo(samples: string, apiKey: string): (path: string) => Promise<unknown> {
  return async (path) => {
    const headers = { Authorization: `Bearer ${apiKey}` };
    const response = await fetch(`${samples}/${path}`, { method: 'POST', headers });
    // It may have ended before it was told to pause or to go on.
    if (!response.ok && response.status !== 409) throw new Error(`${path}: ${response.status}`);
    return response.json();
  };
}
