/** Flags of `cairn convert` for a model without a preset: what its weights do not show. */
import { type Command, Option } from 'commander';
import type { ModelFacts } from '../../onnx/convert/infer-recipe.ts';
import { readClassNames } from '../class-names.ts';
import { wholeNumber } from '../parse-option.ts';

export interface FactFlags {
  readonly imageSize?: number;
  readonly lowResSize?: number;
  readonly numHeads?: number;
  readonly numHeadChannels?: number;
  readonly numHeadsUpsample?: number;
  readonly attentionOrder?: 'legacy' | 'new';
  readonly classifierNumHeads?: number;
  readonly classifierNumHeadChannels?: number;
  readonly classifierAttentionOrder?: 'legacy' | 'new';
  readonly noiseSchedule?: 'linear' | 'cosine';
  readonly diffusionSteps?: number;
  readonly predictXstart?: boolean;
  readonly rescaleTimesteps?: boolean;
  readonly classes?: string;
}

const ORDERS = ['legacy', 'new'];

export function addFactFlags(command: Command): Command {
  const count = wholeNumber(1);
  const without = 'without a preset:';
  return command
    .option('--image-size <pixels>', `${without} height and width of the images`, count)
    .option(
      '--low-res-size <pixels>',
      `${without} of the image that an upsampler enlarges; 0 if it is none`,
      wholeNumber(0),
    )
    .option('--num-heads <n>', `${without} heads of each attention block`, count)
    .option('--num-head-channels <n>', `${without} or channels of each head`, count)
    .option(
      '--num-heads-upsample <n>',
      `${without} heads of the upsampling half, if it has others than --num-heads`,
      count,
    )
    .addOption(
      new Option(
        '--attention-order <order>',
        `${without} q, k, v within each head (legacy) or before`,
      ).choices(ORDERS),
    )
    .option('--classifier-num-heads <n>', `${without} heads of the classifier's blocks`, count)
    .option('--classifier-num-head-channels <n>', `${without} or channels of each head`, count)
    .addOption(
      new Option('--classifier-attention-order <order>', `${without} of the classifier`).choices(ORDERS),
    )
    .addOption(
      new Option('--noise-schedule <name>', `${without} of the trained process`).choices([
        'linear',
        'cosine',
      ]),
    )
    .option('--diffusion-steps <n>', `${without} T of the trained process (default: 1000)`, wholeNumber(2))
    .option('--predict-xstart', `${without} it predicts x_0 (default: epsilon)`)
    .option('--rescale-timesteps', `${without} it was trained on t * 1000 / T (default: on t)`)
    .option(
      '--classes <file>',
      `${without} or with an .onnx classifier: a file with a class name on each line`,
    );
}

const NAMES = [
  'imageSize',
  'lowResSize',
  'numHeads',
  'numHeadChannels',
  'numHeadsUpsample',
  'attentionOrder',
  'classifierNumHeads',
  'classifierNumHeadChannels',
  'classifierAttentionOrder',
  'noiseSchedule',
  'diffusionSteps',
  'predictXstart',
  'rescaleTimesteps',
  'classes',
] as const satisfies (keyof FactFlags)[];

/** The first of them that is given, as it is written, e.g. `--image-size`. */
export function givenFact(flags: FactFlags): string | undefined {
  const name = NAMES.find((fact) => flags[fact] !== undefined);
  return name && `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** @throws {CliError} if the file of class names can't be read */
export async function factsOf(flags: FactFlags, id: string | undefined): Promise<ModelFacts> {
  return {
    id,
    imageSize: flags.imageSize,
    lowResSize: flags.lowResSize,
    noiseSchedule: flags.noiseSchedule,
    diffusionSteps: flags.diffusionSteps,
    predictsXstart: flags.predictXstart,
    rescaleTimesteps: flags.rescaleTimesteps,
    classes: flags.classes === undefined ? undefined : await readClassNames(flags.classes),
    diffusion: {
      numHeads: flags.numHeads,
      numHeadChannels: flags.numHeadChannels,
      numHeadsUpsample: flags.numHeadsUpsample,
      attentionOrder: flags.attentionOrder,
    },
    classifier: {
      numHeads: flags.classifierNumHeads,
      numHeadChannels: flags.classifierNumHeadChannels,
      attentionOrder: flags.classifierAttentionOrder,
    },
  };
}
