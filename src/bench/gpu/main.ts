/** `npm run bench:gpu`: the server on a GPU against eager PyTorch on the same card. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { wholeNumber } from '../../cli/parse-option.ts';
import { describeMachine } from '../machine.ts';
import { startClock } from './clock.ts';
import { markdownReport } from './report.ts';
import type { Dtype, GpuReport } from './results.ts';
import { type GpuBenchOptions, runGpuBench } from './run.ts';
import { LARGEST_BATCH, SIZES, type Size } from './sizes.ts';

type Provider = GpuBenchOptions['providers'][number];

interface Flags {
  readonly sizes: readonly Size[];
  readonly providers: readonly Provider[];
  readonly dtypes: readonly Dtype[];
  readonly batches: readonly number[];
  readonly budget: number;
  readonly seconds: number;
  readonly repeats: number;
  readonly python: string | false;
  readonly out: string;
}

const PROVIDERS: readonly Provider[] = ['webgpu', 'cuda', 'tensorrt', 'cpu'];
const DTYPES: readonly Dtype[] = ['fp32', 'fp16'];

/** A list of some of `choices`. */
function some<T extends string>(choices: readonly T[]): (text: string) => T[] {
  return (text) =>
    text.split(',').map((entry) => {
      const choice = choices.find((candidate) => candidate === entry);
      if (choice === undefined) throw new InvalidArgumentError(`Expected some of ${choices.join(',')}.`);
      return choice;
    });
}

const batchSize = wholeNumber(1, LARGEST_BATCH);
const flags = new Command('bench:gpu')
  .description(
    'Measure a guided step on a GPU: batch size against latency and throughput, beside eager PyTorch.',
  )
  .option('--sizes <list>', `networks: ${SIZES.join(',')}`, some(SIZES), ['64', '256'])
  .option('--providers <list>', `providers: ${PROVIDERS.join(',')}`, some(PROVIDERS), ['webgpu', 'cuda'])
  .option('--dtypes <list>', 'what the networks compute in', some(DTYPES), ['fp32', 'fp16'])
  .option(
    '--batches <list>',
    `batch sizes, ${LARGEST_BATCH} at most`,
    (text) => text.split(',').map(batchSize),
    [1, 2, 4, 8, 16, 32, 64],
  )
  .option('--budget <seconds>', 'stop when so much time has passed', wholeNumber(1), 540)
  .option('--seconds <n>', 'for each batch size, at most', wholeNumber(1), 2)
  .option('--repeats <n>', 'for each batch size, at most', wholeNumber(1), 30)
  .option('--python <command>', 'a Python with PyTorch', 'python3')
  .option('--no-python', 'without the baseline')
  .option('--out <name>', 'where the figures go: <name>.md and <name>.json', 'docs/gpu-benchmarks')
  .parse()
  .opts<Flags>();

const machine = await describeMachine();
const scratch = await mkdtemp(join(tmpdir(), 'cairn-bench-gpu-'));
const write = async (report: GpuReport) => {
  await writeFile(`${flags.out}.json`, `${JSON.stringify({ machine, ...report }, null, 2)}\n`);
  await writeFile(`${flags.out}.md`, markdownReport(report, machine));
};
try {
  const { budget, python, ...options } = flags;
  const report = await runGpuBench(
    {
      ...options,
      python: python === false ? null : python,
      scratch,
      onReport: write,
      onProgress: (what) => console.error(what),
    },
    startClock(budget),
  );
  await write(report);
  console.log(markdownReport(report, machine));
} finally {
  await rm(scratch, { recursive: true, force: true });
}
