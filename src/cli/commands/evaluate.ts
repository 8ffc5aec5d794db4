/** `cairn evaluate`: how good samples are, against reference images. */
import { basename, sep } from 'node:path';
import { Command } from 'commander';
import type { FeatureExtractor, PixelRange } from '../../evaluate/feature-extractor.ts';
import type { NamedEvaluation } from '../../evaluate/format.ts';
import type { SampleSet } from '../../evaluate/sample-set.ts';
import { addConnectionFlags, type ConnectionFlags } from '../api/api-command.ts';
import { CliError, EXIT_USAGE } from '../cli-error.ts';
import { fetchJobImages, isSampleId } from '../evaluate/job-images.ts';
import { showTask, type TaskDisplay } from '../evaluate/progress.ts';
import { wholeNumber } from '../parse-option.ts';
import { writeAtomically } from '../write-atomically.ts';

interface EvaluateFlags extends ConnectionFlags {
  readonly features?: string;
  readonly range: keyof typeof RANGES;
  readonly featuresOutput?: string;
  readonly classesOutput?: string;
  readonly spatialOutput?: string;
  readonly batch: number;
  readonly neighbours: number;
  readonly bootstrap?: number;
  readonly plot?: string;
  readonly json?: boolean;
}

const RANGES = { '-1,1': [-1, 1], '0,1': [0, 1], '0,255': [0, 255] } as const satisfies Record<
  string,
  PixelRange
>;

export function evaluateCommand(): Command {
  const command = new Command('evaluate')
    .description(
      'Judge samples against reference images: Frechet distance, Inception Score, precision, recall, ...',
    )
    .argument(
      '<reference>',
      'images (.npz with arr_0, or a folder of PNGs), features (.npz), or statistics (.npz)',
    )
    .argument(
      '<samples...>',
      "likewise, or a finished sample's id, smp_...; labels (arr_1, or class-N in the names of PNGs) give class accuracy",
    )
    .option(
      '--features <model.onnx>',
      'the network that gives images features, and perhaps class probabilities',
    )
    .option(
      '--range <low,high>',
      `what pixel values 0 and 255 become for it: ${Object.keys(RANGES).join(' | ')}`,
      range,
      '-1,1',
    )
    .option('--features-output <name>', 'its output with the features (default: features)')
    .option(
      '--classes-output <name>',
      'its output with logits or probabilities (default: logits, probabilities)',
    )
    .option('--spatial-output <name>', 'its output with spatial features (default: spatial)')
    .option('--batch <n>', 'images that go through it at a time', wholeNumber(1), 64)
    .option(
      '--neighbours <k>',
      'neighbour that sets the radius of the balls of precision and recall',
      wholeNumber(1),
      3,
    )
    .option(
      '--bootstrap <n>',
      'draws for the confidence intervals, 0 for none (default: 100 up to 256 features)',
      wholeNumber(0),
    )
    .option('--plot <file.svg>', 'draw the metrics with their intervals, of several sets side by side')
    .option('--json', 'one JSON document instead of a table: of several sets a list');
  return addConnectionFlags(command).action(evaluate);
}

async function evaluate(reference: string, samples: readonly string[], flags: EvaluateFlags): Promise<void> {
  if (flags.plot !== undefined && !/\.svg$/i.test(flags.plot)) {
    throw new CliError(`--plot: expected the name of an .svg file, got ${flags.plot}`, EXIT_USAGE);
  }
  const task = showTask(process.stderr);
  let evaluations: NamedEvaluation[];
  try {
    evaluations = await evaluateAll(reference, samples, flags, task);
  } catch (error) {
    if (error instanceof CliError) throw error;
    throw new CliError((error as Error).message, undefined, { cause: error });
  } finally {
    task.stop();
  }
  if (flags.plot !== undefined) await plot(evaluations, reference, flags.plot);
  await print(evaluations, flags);
}

/** The samples are read and judged one after another: memory holds one set beside the reference. */
async function evaluateAll(
  referencePath: string,
  paths: readonly string[],
  flags: EvaluateFlags,
  task: TaskDisplay,
): Promise<NamedEvaluation[]> {
  // Imported here: the other commands do not pay for it.
  const [{ evaluate: measure }, { loadSampleSet }, { createMatrixDistances }] = await Promise.all([
    import('../../evaluate/evaluate.ts'),
    import('../../evaluate/sample-set.ts'),
    import('../../evaluate/matrix-distances.ts'),
  ]);
  await using extractor = (await openExtractor(flags)) ?? null;
  const load = (path: string, name = path): Promise<SampleSet> =>
    loadSampleSet(path, {
      extractor: extractor ?? undefined,
      batch: flags.batch,
      onProgress: (done, total) => task.update(`features of ${name}`, done / total),
    });
  const loadSamples = async (path: string) => {
    if (!isSampleId(path)) return load(path);
    task.update(`images of ${path}`, 0);
    await using images = await fetchJobImages(path, flags);
    return await load(images.path, path);
  };
  const reference = await load(referencePath);
  const distances = await createMatrixDistances(reference.statistics.mean);
  const manifolds = new Map();
  const evaluations: NamedEvaluation[] = [];
  const names = shortNames(paths);
  for (const [i, path] of paths.entries()) {
    const set = await loadSamples(path);
    const evaluation = await measure(reference, set, {
      manifolds,
      neighbours: flags.neighbours,
      ...(flags.bootstrap !== undefined && { draws: flags.bootstrap }),
      squaredDistances: distances.squaredDistances,
      onProgress: task.update,
    });
    evaluations.push({ samples: names[i]!, images: set.features?.rows ?? null, ...evaluation });
  }
  await distances.close();
  return evaluations;
}

/** Without the folders that all have in common. */
function shortNames(paths: readonly string[]): string[] {
  const parts = paths.map((path) => path.split(sep));
  const folders = Math.min(...parts.map(({ length }) => length)) - 1;
  let common = 0;
  while (common < folders && parts.every((part) => part[common] === parts[0]![common])) common++;
  return parts.map((part) => part.slice(common).join(sep));
}

async function plot(evaluations: readonly NamedEvaluation[], reference: string, file: string): Promise<void> {
  const { drawComparison } = await import('../../evaluate/plot/comparison.ts');
  const svg = drawComparison(evaluations, basename(reference));
  await writeAtomically(file, new TextEncoder().encode(svg)).catch((error: Error) => {
    throw new CliError(`--plot: can't write ${file}: ${error.message}`, EXIT_USAGE);
  });
}

async function openExtractor(flags: EvaluateFlags): Promise<FeatureExtractor | undefined> {
  if (flags.features === undefined) return undefined;
  const { openExtractor: open } = await import('../../evaluate/feature-extractor.ts');
  return open(flags.features, {
    range: RANGES[flags.range],
    ...(flags.featuresOutput !== undefined && { features: flags.featuresOutput }),
    ...(flags.classesOutput !== undefined && { classes: flags.classesOutput }),
    ...(flags.spatialOutput !== undefined && { spatial: flags.spatialOutput }),
  });
}

async function print(evaluations: readonly NamedEvaluation[], { json }: EvaluateFlags): Promise<void> {
  const [only, ...others] = evaluations;
  if (json) return console.log(JSON.stringify(others.length === 0 ? only : evaluations, null, 2));
  const { formatComparison, formatEvaluation } = await import('../../evaluate/format.ts');
  const lines = others.length === 0 ? formatEvaluation(only!) : formatComparison(evaluations);
  for (const line of lines) console.log(line);
}

function range(text: string): keyof typeof RANGES {
  if (Object.hasOwn(RANGES, text)) return text as keyof typeof RANGES;
  throw new CliError(`--range: expected ${Object.keys(RANGES).join(' or ')}, got ${text}`, EXIT_USAGE);
}
