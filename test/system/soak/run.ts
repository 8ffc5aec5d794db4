/**
 * A soak: the whole of Cairn on this machine, several inference servers that are killed, stall, break connections and
 * answer nonsense, and many jobs that must end all the same, exact ones with the bytes of an undisturbed run.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../free-port.ts';
import { startCairn, stopCairn } from '../local-cairn.ts';
import { createAll, picturesOf } from '../outputs.ts';
import type { Random } from '../random.ts';
import { breakThings } from './faults.ts';
import { type JobOutcome, runJob, TEMPLATES } from './jobs.ts';
import { COLLECT_EARLY, type Course, courseOf, type Sample } from './memory.ts';
import { askAsNeighbour } from './neighbours.ts';
import { processesOf } from './processes.ts';
import { type SoakServer, startSoakServer } from './servers.ts';

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
  readonly memory: readonly Course[];
  /** Exit code of Cairn after it was asked to stop. */
  readonly exitCode: number | null;
}

const SAMPLE_MS = 2_000;

export async function runSoak(options: SoakOptions): Promise<SoakResult> {
  const { seconds, clients, random, onProgress = () => {} } = options;
  const data = await mkdtemp(join(tmpdir(), 'cairn-soak-'));
  const servers = await Promise.all(
    Array.from({ length: options.servers }, (_, i) => startSoakServer(`server-${i}`)),
  );
  try {
    const fleet = servers.map(({ name, url }) => ({ name, url }));
    const cairn = startCairn({
      ...{ data, port: await freePort() },
      env: {
        ...COLLECT_EARLY,
        INFERENCE_BACKEND: 'remote',
        INFERENCE_BACKENDS: JSON.stringify(fleet),
        INFERENCE_TIMEOUT_MS: '5000',
      },
    });
    const client = await cairn.client();
    const [, url] = await cairn.line(/Cairn is listening on (http:\S+)/);
    const [, apiKey] = await cairn.line(/API key for development: (\S+)/);
    const api = postTo(`${url}/v1/samples`, apiKey!);

    onProgress('drawing undisturbed');
    const undisturbed = await picturesOf(client, await createAll(client, exactTemplates()));

    onProgress('breaking things');
    const over = new AbortController();
    const ended = AbortSignal.any([AbortSignal.timeout(1000 * seconds), over.signal]);
    const stopWatching = watchMemory(cairn.group, servers[0]!);
    const jobs: JobOutcome[] = [];
    const work = async () => {
      while (!ended.aborted) {
        const job = await runJob(client, api, random, undisturbed);
        jobs.push(job);
        if (job.problem !== null) onProgress(job.problem);
        if (jobs.length % 25 === 0) onProgress(`${jobs.length} jobs`);
      }
    };
    const urls = servers.map((server) => server.url);
    const [faults, neighbours] = await Promise.all([
      breakThings(servers, random, ended),
      askAsNeighbour(urls, random, ended),
      ...Array.from({ length: clients }, work),
    ]).finally(() => over.abort());
    return { jobs, faults, neighbours, memory: await stopWatching(), exitCode: await stopCairn(cairn) };
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

/** By what the command line of each process has; the first server is the one that is never killed. */
function watchMemory(cairn: number, server: SoakServer): () => Promise<Course[]> {
  const courses = new Map<string, Sample[]>();
  const start = performance.now();
  const note = (name: string, MiB: number) => {
    const samples = courses.get(name) ?? [];
    courses.set(name, samples);
    if (MiB > 0) samples.push({ minute: (performance.now() - start) / 60_000, MiB });
  };
  const sum = (entries: readonly { residentMiB: number }[]) =>
    entries.reduce((total, { residentMiB }) => total + residentMiB, 0);
  let watching = true;
  const done = (async () => {
    while (watching) {
      const [ours, theirs] = await Promise.all([processesOf(cairn), processesOf(server.group)]);
      note('workerd', sum(ours.filter(({ command }) => /workerd\S* serve/.test(command))));
      note('Node of npm start', sum(ours.filter(({ command }) => /main\.ts start/.test(command))));
      note('inference server', sum(theirs.filter(({ command }) => /main\.ts serve/.test(command))));
      note('its engine', sum(theirs.filter(({ command }) => command.includes('engine/main.ts'))));
      await sleep(SAMPLE_MS);
    }
  })();
  return async () => {
    watching = false;
    await done;
    return [...courses].map(([name, samples]) => courseOf(name, samples));
  };
}
