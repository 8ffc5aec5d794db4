/** `npm run fuzz`: damaged files for as long as you like. A finding names the seed that gives it again. */
import { Command, Option } from 'commander';
import { wholeNumber } from '../../../src/cli/parse-option.ts';
import { runCampaign } from './campaign.ts';
import { targetNames } from './targets.ts';

interface Flags {
  readonly seconds: number;
  readonly seed?: number;
  readonly cases?: number;
  readonly target?: (typeof targetNames)[number];
}

const program = new Command('fuzz')
  .description(
    'Read damaged checkpoints and ONNX models; exit code 1 if one ends in anything but a result or one clear error.',
  )
  .option('--seconds <number>', 'time for each target', wholeNumber(1), 60)
  .option('--seed <number>', 'of the first case (default: a random one)', wholeNumber(0, 2 ** 31 - 1))
  .option('--cases <number>', 'at most so many for each target', wholeNumber(1))
  .addOption(new Option('--target <name>', 'one target (default: all)').choices(targetNames));

const {
  seconds,
  seed = crypto.getRandomValues(new Uint32Array(1))[0]! >>> 1,
  cases,
  target,
} = program.parse().opts<Flags>();

for (const name of target === undefined ? targetNames : [target]) {
  console.log(`${name}: seed ${seed}, ${seconds} s`);
  try {
    const report = await runCampaign({
      target: name,
      seed,
      timeMs: seconds * 1000,
      ...(cases !== undefined && { cases }),
    });
    const { cases: done, accepted, refusals, slowestMs, peakGrowthMiB, findings } = report;
    console.log(
      `  ${done} cases: ${accepted} accepted, ${done - accepted - findings.length} refused for ${refusals.length} reasons; slowest ${slowestMs.toFixed(0)} ms, memory grew by ${peakGrowthMiB.toFixed(0)} MiB`,
    );
    for (const { seed: found, problem } of findings) {
      process.exitCode = 1;
      console.error(`  npm run fuzz -- --target ${name} --seed ${found} --cases 1\n    ${problem}`);
    }
  } catch (error) {
    process.exitCode = 1;
    console.error(`  ${(error as Error).message}`);
  }
}
