/** `cairn verify`: holds this build against a directory of golden data. */
import { Command } from 'commander';
import type { CheckResult } from '../../verify/index.ts';
import { CliError } from '../cli-error.ts';

export function verifyCommand(): Command {
  return new Command('verify')
    .description('Check this build against a directory of reference data; exit code 1 if anything fails.')
    .argument('<directory>', 'index files and arrays of the reference')
    .action(verify);
}

async function verify(path: string): Promise<void> {
  const { formatCheck, formatHeader, formatNetworks, loadOnnxNetworks, verifyDirectory } = await import(
    '../../verify/index.ts'
  );
  const results: CheckResult[] = [];
  const counts = { ok: 0, failed: 0, unknown: 0, 'not covered': 0 };
  console.log(formatHeader());
  try {
    for await (const result of verifyDirectory(path, { loadNetworks: loadOnnxNetworks })) {
      console.log(formatCheck(result));
      counts[result.status]++;
      results.push(result);
    }
  } catch (error) {
    throw new CliError((error as Error).message, undefined, { cause: error });
  }
  const { ok, failed, unknown, 'not covered': notCovered } = counts;
  for (const line of formatNetworks(results)) console.log(line);
  console.log(`${ok} ok, ${failed} failed, ${notCovered} not covered yet, ${unknown} unknown`);
  if (failed > 0) throw new CliError(`${failed} of ${ok + failed} checks failed`);
}
