/** `npm run soak`: many jobs on servers that break, for as long as you like. */
import { Command } from 'commander';
import { decimalNumber, wholeNumber } from '../../../src/cli/parse-option.ts';
import { killStartedScripts } from '../npm-script.ts';
import { seededRandom } from '../random.ts';
import { problemsOf, reportOf } from './report.ts';
import { runSoak } from './run.ts';

interface Flags {
  readonly minutes: number;
  readonly servers: number;
  readonly clients: number;
}

const { minutes, servers, clients } = new Command('soak')
  .description(
    'Run jobs through a local Cairn whose inference servers are killed, stall, reset connections and answer nonsense; exit code 1 if a job is lost, an exact one has other pixels than undisturbed, resident memory grows, or more lives in a heap at the end than after a quarter. KILL_SEED gives the same faults again.',
  )
  .option('--minutes <number>', 'while things break', decimalNumber(0.1), 10)
  .option('--servers <number>', 'inference servers; all but the first get killed', wholeNumber(2, 10), 3)
  .option('--clients <number>', 'jobs under way at a time', wholeNumber(1, 100), 8)
  .parse()
  .opts<Flags>();

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    killStartedScripts();
    process.exit(1);
  });
}

const random = seededRandom('soak');
const start = performance.now();
const onProgress = (line: string) =>
  console.log(`${((performance.now() - start) / 60_000).toFixed(1)} min  ${line}`);
try {
  const result = await runSoak({ seconds: 60 * minutes, servers, clients, random, onProgress });
  console.log(`\n${reportOf(result)}`);
  const problems = problemsOf(result, minutes);
  for (const problem of problems) console.error(problem);
  console.log(problems.length === 0 ? '\nNothing was lost.' : `\n${problems.length} problems`);
  process.exitCode = problems.length === 0 ? 0 : 1;
} finally {
  killStartedScripts();
}
