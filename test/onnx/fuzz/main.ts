/** `npm run fuzz`: damaged files and random gradients for as long as you like. A finding names the seed that gives it again. */
import { Command, Option } from 'commander';
import { wholeNumber } from '../../../src/cli/parse-option.ts';
import { runCampaign } from './campaign.ts';
import { runGradientCampaign } from './gradient-campaign.ts';
import { type TargetName, targetNames } from './targets.ts';

/** What can be damaged, and the table of gradient rules, whose cases are random themselves. */
const TARGETS = [...targetNames, 'gradient'] as const;
type Target = (typeof TARGETS)[number];

interface Flags {
  readonly seconds: number;
  readonly seed?: number;
  readonly cases?: number;
  readonly target?: Target;
}

const program = new Command('fuzz')
  .description(
    'Read damaged checkpoints and ONNX models, and hold gradients of random cases against finite differences; exit code 1 if a file ends in anything but a result or one clear error, or a gradient is off.',
  )
  .option('--seconds <number>', 'time for each target', wholeNumber(1), 60)
  .option('--seed <number>', 'of the first case (default: a random one)', wholeNumber(0, 2 ** 31 - 1))
  .option('--cases <number>', 'at most so many for each target', wholeNumber(1))
  .addOption(new Option('--target <name>', 'one target (default: all)').choices(TARGETS));

const {
  seconds,
  seed = crypto.getRandomValues(new Uint32Array(1))[0]! >>> 1,
  cases,
  target,
} = program.parse().opts<Flags>();

const limits = { seed, timeMs: seconds * 1000, ...(cases !== undefined && { cases }) };

for (const name of target === undefined ? TARGETS : [target]) {
  console.log(`${name}: seed ${seed}, ${seconds} s`);
  try {
    const findings = name === 'gradient' ? await fuzzGradients() : await fuzzReader(name);
    for (const { seed: found, problem } of findings) {
      process.exitCode = 1;
      console.error(`  npm run fuzz -- --target ${name} --seed ${found} --cases 1\n    ${problem}`);
    }
  } catch (error) {
    process.exitCode = 1;
    console.error(`  ${(error as Error).message}`);
  }
}

interface Finding {
  readonly seed: number;
  readonly problem: string;
}

async function fuzzReader(name: TargetName): Promise<readonly Finding[]> {
  const report = await runCampaign({ target: name, ...limits });
  const { cases: done, accepted, refusals, slowestMs, peakGrowthMiB, findings } = report;
  console.log(
    `  ${done} cases: ${accepted} accepted, ${done - accepted - findings.length} refused for ${refusals.length} reasons; slowest ${slowestMs.toFixed(0)} ms, memory grew by ${peakGrowthMiB.toFixed(0)} MiB`,
  );
  return findings;
}

async function fuzzGradients(): Promise<readonly Finding[]> {
  const { cases: done, worst, worstOperator, findings } = await runGradientCampaign(limits);
  console.log(`  ${done} cases: largest error ${worst.toPrecision(2)} of the tolerance (${worstOperator})`);
  return findings;
}
