/** `npm run study`: how good the samples of mnist-32 are, over guidance, samplers, steps, variances and precisions. */
import { join } from 'node:path';
import { Command, Option } from 'commander';
import { projectRoot } from '../cli/local/project.ts';
import { wholeNumber } from '../cli/parse-option.ts';
import { onStopSignal } from '../cli/stop-signal.ts';
import { type FigureName, figures } from './cells.ts';
import { drawAll } from './draw-all.ts';
import { writeReport } from './report.ts';

interface Flags {
  readonly folder: string;
  readonly images: number;
  readonly only?: readonly FigureName[];
  readonly checkpoints?: string;
  readonly engines: number;
  readonly page: string;
  readonly draw: boolean;
}

const EXIT_INTERRUPTED = 130;

const command = new Command('study')
  .description(
    'Draw mnist-32 in every setting of the study and write figures and tables. Started again, it goes on where it stopped.',
  )
  .option('--folder <folder>', 'keeps what is drawn', '.study')
  .option('--images <n>', 'images of each setting in the largest figure', wholeNumber(1), 1000)
  .addOption(
    new Option('--only <figures...>', 'draw for these figures alone').choices(
      figures.map(({ name }) => name),
    ),
  )
  .option(
    '--checkpoints <folder>',
    'diffusion.pt and classifier.pt of mnist-32: the figure of precisions needs them',
  )
  .option('--engines <n>', 'batches that are computed at a time, each on one thread', wholeNumber(1), 2)
  .option('--page <file>', 'whose parts are written', join(projectRoot, 'docs/evaluation.md'))
  .option('--no-draw', 'write what there is already')
  .action(study);

async function study(flags: Flags): Promise<void> {
  const { folder, page } = flags;
  const cells = join(folder, 'cells');
  using stop = onStopSignal();
  if (flags.draw) await draw(flags, cells, stop.signal);
  if (stop.signal.aborted) {
    console.log('Stopped. The same command goes on from here; --no-draw writes what there is.');
    process.exitCode = EXIT_INTERRUPTED;
    return;
  }
  const names = await writeReport({ figures, cells, page, onProgress: console.log });
  console.log(`Wrote ${names.join(', ')} to ${page} and the folder study beside it.`);
}

async function draw(flags: Flags, cells: string, signal: AbortSignal): Promise<void> {
  const { images, folder, engines, checkpoints, only } = flags;
  const wanted = figures.filter(({ name }) => only?.includes(name) ?? true);
  const possible = wanted.filter(({ name }) => name !== 'precision' || checkpoints !== undefined);
  if (possible.length < wanted.length) console.log('Without --checkpoints no precisions are compared.');
  const started = performance.now();
  await drawAll({
    ...{ figures: possible, images, folder, cells, engines, signal },
    checkpoints:
      checkpoints === undefined
        ? null
        : { diffusion: join(checkpoints, 'diffusion.pt'), classifier: join(checkpoints, 'classifier.pt') },
    onProgress: (what, done, total) => {
      const rate = (1000 * done) / (performance.now() - started);
      console.log(
        `${((100 * done) / total).toFixed(1)} %  ${what}  (${rate.toFixed(1)} steps of an image a second)`,
      );
    },
  });
}

await command.parseAsync();
