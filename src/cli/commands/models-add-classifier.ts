/** `cairn models add-classifier`: a classifier of one's own for a model that is there. */
import { Command } from 'commander';
import { readClassNames } from '../class-names.ts';
import {
  type ClassifierFlags,
  hintsOf,
  normalizationOf,
  withClassifierOptions,
} from '../classifier-options.ts';
import { CliError, EXIT_USAGE } from '../cli-error.ts';
import { showConversion } from '../convert-progress.ts';
import { decimalNumber } from '../parse-option.ts';
import { interrupted, onStopSignal } from '../stop-signal.ts';

interface AddFlags extends ClassifierFlags {
  readonly classes?: string;
  readonly guidanceScale?: number;
}

export function modelsAddClassifierCommand(): Command {
  const command = new Command('add-classifier')
    .description(
      "Let a classifier guide a model: write its gradient into the model's folder, in the place of one that is there.",
    )
    .argument('<folder>', 'the model folder')
    .argument('<classifier>', 'an .onnx file: the classifier, or its gradient by `cairn gradient`');
  return withClassifierOptions(command)
    .option('--classes <file>', "a file with a class name on each line (default: the model's names)")
    .option(
      '--guidance-scale <number>',
      "what requests get that do not say (default: the model's; 1 if it had no classifier)",
      decimalNumber(0),
    )
    .action(add);
}

async function add(folder: string, path: string, flags: AddFlags): Promise<void> {
  // Imported here: the other commands do not pay for it.
  const { installClassifier } = await import('../../onnx/convert/install-classifier.ts');
  const { InterfaceError } = await import('../../onnx/gradient/classifier-interface.ts');
  const { classes, guidanceScale } = flags;
  const names = classes === undefined ? undefined : await readClassNames(classes);
  const progress = showConversion(process.stderr);
  using stop = onStopSignal();
  try {
    progress.part('gradient', 0, 1);
    const { manifest, notes } = await installClassifier(folder, {
      classifier: { path, hints: hintsOf(flags), ...normalizationOf(flags) },
      ...(names && { classes: names }),
      ...(guidanceScale !== undefined && { guidanceScale }),
      signal: stop.signal,
      onBytes: progress.bytes,
    });
    progress.stop();
    for (const note of notes) console.log(`note: ${note}`);
    console.log(`${path} guides ${manifest.id} now; \`cairn models check ${folder}\` runs it`);
  } catch (error) {
    progress.stop();
    if (stop.signal.aborted) throw interrupted();
    const exitCode = error instanceof InterfaceError ? EXIT_USAGE : undefined;
    throw new CliError((error as Error).message, exitCode, { cause: error });
  }
}
