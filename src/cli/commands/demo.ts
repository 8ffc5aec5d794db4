/** `cairn demo`: guided digits from nothing but this folder. */
import { Command, Option } from 'commander';
import { DEFAULT_STEPS, type DemoOptions, ROUNDS } from '../demo/request.ts';
import { classList, decimalNumber, wholeNumber } from '../parse-option.ts';

const DIGITS = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
/** Any seed gives digits; this one's are easy on the eye. */
const SEED = 240;

export function demoCommand(): Command {
  const { ddpm, ddim } = DEFAULT_STEPS;
  return new Command('demo')
    .description('Start Cairn on this machine, draw guided digits, write them as PNG, stop everything.')
    .addOption(
      new Option('--class <list>', 'classes, with commas between; image n is of the n-th, over and over')
        .argParser(classList)
        .default(DIGITS, '0 to 9'),
    )
    .option('--scale <number>', "guidance scale, 0 for none (default: the model's)", decimalNumber(0))
    .option(
      '--steps <steps>',
      `how many, or "ddim25", "10,10,15", "" for all (default: ${ddpm} with ddpm, ${ddim} with ddim)`,
    )
    .addOption(new Option('--sampler <name>', 'sampler').choices(['ddpm', 'ddim']).default('ddpm'))
    .option('--seed <number>', 'image n is drawn from seed + n', wholeNumber(0), SEED)
    .option('--count <images>', `images in all (default: ${ROUNDS} of each class)`, wholeNumber(1))
    .option('--out <folder>', 'where the PNG files go', 'out')
    .option('--model <id>', 'model', 'mnist-32')
    .action(demo);
}

async function demo(options: DemoOptions): Promise<void> {
  // Imported here: it stands on packages for development, which a server's installation does without.
  const { runDemo } = await import('../demo/demo.ts');
  await runDemo(options);
}
