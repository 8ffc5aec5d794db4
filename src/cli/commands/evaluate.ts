/** `cairn evaluate`: how good samples are, against reference images. */
import { Command } from 'commander';
import type { Evaluation } from '../../evaluate/evaluate.ts';
import type { FeatureExtractor, PixelRange } from '../../evaluate/feature-extractor.ts';
import { CliError, EXIT_USAGE } from '../cli-error.ts';
import { showTask } from '../evaluate-progress.ts';
import { wholeNumber } from '../parse-option.ts';

interface EvaluateFlags {
  readonly features?: string;
  readonly range: keyof typeof RANGES;
  readonly featuresOutput?: string;
  readonly classesOutput?: string;
  readonly spatialOutput?: string;
  readonly batch: number;
  readonly neighbours: number;
  readonly bootstrap?: number;
  readonly json?: boolean;
}

const RANGES = { '-1,1': [-1, 1], '0,1': [0, 1], '0,255': [0, 255] } as const satisfies Record<
  string,
  PixelRange
>;

export function evaluateCommand(): Command {
  return new Command('evaluate')
    .description(
      'Judge samples against reference images: Frechet distance, Inception Score, precision, recall, ...',
    )
    .argument(
      '<reference>',
      'images (.npz with arr_0, or a folder of PNGs), features (.npz), or statistics (.npz)',
    )
    .argument('<samples>', 'likewise; labels (arr_1, or class-N in the names of PNGs) give class accuracy')
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
    .option('--json', 'one JSON document instead of a table')
    .action(evaluate);
}

async function evaluate(referencePath: string, samplesPath: string, flags: EvaluateFlags): Promise<void> {
  // Imported here: the other commands do not pay for it.
  const [{ evaluate: measure }, { loadSampleSet }, { createMatrixDistances }] = await Promise.all([
    import('../../evaluate/evaluate.ts'),
    import('../../evaluate/sample-set.ts'),
    import('../../evaluate/matrix-distances.ts'),
  ]);
  const task = showTask(process.stderr);
  try {
    const extractor = await openExtractor(flags);
    const load = (path: string) =>
      loadSampleSet(path, {
        extractor,
        batch: flags.batch,
        onProgress: (done, total) => task.update(`features of ${path}`, done / total),
      });
    const [reference, samples] = [await load(referencePath), await load(samplesPath)];
    await extractor?.[Symbol.asyncDispose]();
    const distances = await createMatrixDistances(reference.statistics.mean);
    const evaluation = await measure(reference, samples, {
      neighbours: flags.neighbours,
      ...(flags.bootstrap !== undefined && { draws: flags.bootstrap }),
      squaredDistances: distances.squaredDistances,
      onProgress: task.update,
    });
    await distances.close();
    task.stop();
    await print(evaluation, flags);
  } catch (error) {
    task.stop();
    if (error instanceof CliError) throw error;
    throw new CliError((error as Error).message, undefined, { cause: error });
  }
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

async function print(evaluation: Evaluation, { json }: EvaluateFlags): Promise<void> {
  if (json) return console.log(JSON.stringify(evaluation, null, 2));
  const { formatEvaluation } = await import('../../evaluate/format.ts');
  for (const line of formatEvaluation(evaluation)) console.log(line);
}

function range(text: string): keyof typeof RANGES {
  if (Object.hasOwn(RANGES, text)) return text as keyof typeof RANGES;
  throw new CliError(`--range: expected ${Object.keys(RANGES).join(' or ')}, got ${text}`, EXIT_USAGE);
}
