/** Starts Cairn, draws one job of digits with a live progress bar, writes the pictures, and stops everything. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CairnClient, CairnError, type SampleResponse } from '../../client/index.ts';
import { CliError, EXIT_USAGE } from '../cli-error.ts';
import { type LocalRuntime, startLocalRuntime } from '../local/runtime.ts';
import { interrupted, onStopSignal } from '../stop-signal.ts';
import { formatDuration, showProgress } from './progress.ts';
import { type DemoOptions, explainProblem, requestOf } from './request.ts';
import { writeImages } from './write-images.ts';

/**
 * @throws {CliError} 2 for a value the API refuses or a folder that can't be written, 130 after Ctrl-C, 1 if the
 *   sample failed
 */
export async function runDemo(options: DemoOptions): Promise<void> {
  using stop = onStopSignal();
  const started = performance.now();
  await mkdir(options.out, { recursive: true }).catch((error: Error) => {
    throw new CliError(`--out: can't write to ${options.out}: ${error.message}`, EXIT_USAGE);
  });
  const data = await mkdtemp(join(tmpdir(), 'cairn-demo-'));
  let runtime: LocalRuntime | undefined;
  try {
    console.log('Starting Cairn on this machine ...');
    runtime = await startLocalRuntime({ data, port: 0 });
    const client = new CairnClient(runtime.url, { apiKey: runtime.apiKey });
    const sample = await draw(client, options, stop.signal);
    const grid = await writeImages(client, sample, options.out);
    const took = formatDuration((performance.now() - started) / 1000);
    console.log(
      `Wrote ${grid} and ${counted(sample.images.length, 'single image')} beside it (${took} in all).`,
    );
  } catch (error) {
    // Ctrl-C reaches child processes too: whatever failed after it failed because of it.
    throw stop.signal.aborted ? interrupted() : error;
  } finally {
    await runtime?.stop();
    await rm(data, { recursive: true, force: true });
  }
}

/** @returns the sample, succeeded */
async function draw(client: CairnClient, options: DemoOptions, signal: AbortSignal): Promise<SampleResponse> {
  signal.throwIfAborted();
  const accepted = await create(client, options);
  console.log(describe(accepted));
  const progress = showProgress(process.stdout);
  let sample: SampleResponse;
  try {
    sample = await client.waitForSample(accepted.id, { signal, onUpdate: progress.update });
  } catch (error) {
    if (signal.aborted) await cancel(client, accepted.id);
    throw error;
  } finally {
    progress.stop();
  }
  if (sample.status !== 'succeeded') {
    throw new CliError(`the sample ${sample.status}: ${sample.error?.message ?? 'no reason was given'}`);
  }
  return sample;
}

async function cancel(client: CairnClient, id: string): Promise<void> {
  const { status, progress } = await client.cancelSample(id);
  console.log(`\nThe sample is ${status} at step ${progress.step} of ${progress.steps}.`);
}

async function create(client: CairnClient, options: DemoOptions): Promise<SampleResponse> {
  try {
    return await client.createSample(requestOf(options));
  } catch (error) {
    if (!(error instanceof CairnError) || error.problem === null || error.status >= 500) throw error;
    throw new CliError(explainProblem(error.problem), EXIT_USAGE, { cause: error });
  }
}

function describe({ images, progress, request }: SampleResponse): string {
  const classes = [...new Set(images.map((image) => image.class_name))].join(' ');
  const how = `${request.sampler}, ${progress.steps} steps, guidance scale ${request.guidance_scale}, seed ${request.seed}`;
  return `Drawing ${counted(images.length, 'image')} of ${request.model}, classes ${classes} (${how})`;
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
