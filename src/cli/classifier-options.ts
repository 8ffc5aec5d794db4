/** Flags of every command that takes a classifier in ONNX form: what its file leaves open. */
import { type Command, InvalidArgumentError } from 'commander';
import type { InterfaceHints } from '../onnx/gradient/classifier-interface.ts';
import type { Normalization } from '../onnx/gradient/normalize-image.ts';

export interface ClassifierFlags {
  readonly input?: string;
  readonly output?: string;
  readonly timestep?: string;
  readonly mean?: readonly number[];
  readonly std?: readonly number[];
}

export function withClassifierOptions(command: Command): Command {
  return command
    .option('--input <name>', "the classifier's image input, if its file leaves that open")
    .option('--output <name>', 'its logits')
    .option('--timestep <name>', 'its timestep input, for a classifier of noisy images')
    .option(
      '--mean <numbers>',
      'what it wants subtracted from images in [0, 1]: 0.485,0.456,0.406, or one number (default with --std: 0)',
      numberList,
    )
    .option('--std <numbers>', 'and what it wants them divided by (default with --mean: 1)', numberList);
}

export function hintsOf({ input, output, timestep }: ClassifierFlags): InterfaceHints {
  return {
    ...(input !== undefined && { image: input }),
    ...(output !== undefined && { logits: output }),
    ...(timestep !== undefined && { timestep }),
  };
}

/** Without either flag the classifier takes images in [-1, 1], as the diffusion model does. */
export function normalizationOf({ mean, std }: ClassifierFlags): { normalization?: Normalization } {
  if (mean === undefined && std === undefined) return {};
  return { normalization: { mean: mean ?? [0], std: std ?? [1] } };
}

function numberList(text: string): readonly number[] {
  const values = text.split(',').map((part) => (part.trim() === '' ? Number.NaN : Number(part)));
  if (values.every(Number.isFinite)) return values;
  throw new InvalidArgumentError('Expected a number, or one for each channel with commas between.');
}
