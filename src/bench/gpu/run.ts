/** Every configuration in turn, as far as the time reaches. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { agree, cpuTruth, type Truth, torchTruth } from './agree.ts';
import { type Clock, partOf } from './clock.ts';
import { type PreparedSize, prepareSize } from './prepare.ts';
import type { Agreement, Dtype, Engine, GpuReport, Point, Result, TruthSource } from './results.ts';
import { measure, startOn } from './serve.ts';
import type { Size } from './sizes.ts';
import { runTorch } from './torch.ts';

export interface GpuBenchOptions {
  readonly sizes: readonly Size[];
  /** Execution providers of the server. */
  readonly providers: readonly Exclude<Engine, 'pytorch'>[];
  readonly dtypes: readonly Dtype[];
  readonly batches: readonly number[];
  /** Python with PyTorch; null leaves it out. */
  readonly python: string | null;
  /** Of one batch size. */
  readonly seconds: number;
  readonly repeats: number;
  /** A folder for gigabytes of weights. */
  readonly scratch: string;
  /** Called when something was found: a run that is cut short keeps what it has. */
  readonly onReport: (report: GpuReport) => Promise<void>;
  readonly onProgress: (what: string) => void;
}

/** Most of the time that comparing answers may take: a driver that is slow to begin must not cost all figures. */
const COMPARISON = 1 / 4;

export async function runGpuBench(options: GpuBenchOptions, clock: Clock): Promise<GpuReport> {
  const cards = await cardNames();
  const results: Result[] = [];
  let torch: string | null = null;
  const { truth, agreements } = await compareAnswers(options, partOf(clock, COMPARISON));
  const report = (): GpuReport => ({ cards, torch, results: [...results], truth, agreements });
  const keep = () => options.onReport(report());
  await keep();
  for (const size of options.sizes) {
    if (clock.leftMs() === 0) break;
    options.onProgress(`${size}: random weights`);
    const prepared = await prepareSize(size, options.scratch);
    for (const dtype of options.dtypes) {
      for (const engine of options.providers) {
        options.onProgress(`${size} ${dtype} on ${engine}`);
        results.push({
          size,
          engine,
          dtype,
          ...(await serverPoints(prepared, engine, dtype, options, clock)),
        });
        await keep();
      }
      if (options.python === null) continue;
      options.onProgress(`${size} ${dtype} in PyTorch`);
      const { recipe, weights } = prepared;
      const { batches, seconds, repeats } = options;
      const job = { recipe, weights, dtype, batches, seconds, repeats, cpu: cards.length === 0 };
      const { torch: version, ...found } = await runTorch(options.python, job, clock);
      torch ??= version;
      results.push({ size, engine: 'pytorch', dtype, ...found });
      await keep();
    }
    await prepared.remove();
  }
  return report();
}

/** A batch that fails ends its configuration: a larger one would not fit either. */
async function serverPoints(
  prepared: PreparedSize,
  engine: Engine,
  dtype: Dtype,
  { batches, seconds, repeats }: GpuBenchOptions,
  clock: Clock,
): Promise<Pick<Result, 'points' | 'error'>> {
  const points: Point[] = [];
  try {
    await using server = await startOn(engine, await prepared.folder(dtype), clock);
    for (const batch of batches) {
      if (clock.leftMs() === 0) return { points, error: `the time was up before batch ${batch}` };
      points.push(await measure(server, batch, clock, { seconds, repeats }));
    }
    return { points };
  } catch (error) {
    return { points, error: oneLine(error) };
  }
}

/** What can't be compared is said, and left out. */
async function compareAnswers(
  options: GpuBenchOptions,
  clock: Clock,
): Promise<{ truth: TruthSource | null; agreements: Agreement[] }> {
  const { providers, dtypes, scratch, onProgress } = options;
  onProgress('toy: the same answers');
  const toy = await prepareSize('toy', scratch);
  const agreements: Agreement[] = [];
  const truth = await findTruth(toy, options, clock);
  if (truth === null) return { truth: null, agreements };
  for (const engine of providers) {
    for (const dtype of dtypes) {
      if (engine === truth.from && dtype === 'fp32') continue;
      await agree(toy, truth, { engine, dtype }, clock).then(
        (agreement) => agreements.push(agreement),
        (error) => onProgress(`${engine} ${dtype}: ${oneLine(error)}`),
      );
    }
  }
  return { truth: truth.from, agreements };
}

async function findTruth(
  toy: PreparedSize,
  { python, onProgress }: GpuBenchOptions,
  clock: Clock,
): Promise<Truth | null> {
  const told = (whose: string) => (error: unknown) => {
    onProgress(`${whose}: ${oneLine(error)}`);
    return null;
  };
  const torch = python === null ? null : await torchTruth(python, toy, clock).catch(told('PyTorch'));
  return torch ?? (await cpuTruth(toy, clock).catch(told('cpu')));
}

/** Empty without NVIDIA's tool. */
async function cardNames(): Promise<string[]> {
  const query = ['--query-gpu=name,driver_version', '--format=csv,noheader'];
  const { stdout } = await promisify(execFile)('nvidia-smi', query).catch(() => ({ stdout: '' }));
  return stdout
    .split('\n')
    .map((line) => line.trim().replace(', ', ' (driver '))
    .filter(Boolean)
    .map((line) => `${line})`);
}

function oneLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).replace(/\s+/g, ' ').trim();
}
