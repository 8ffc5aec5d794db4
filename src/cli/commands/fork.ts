/** `cairn fork` and `cairn replay`: new samples from old ones. */
import type { Command } from 'commander';
import type { ForkRequest } from '../../client/index.ts';
import { type ApiContext, apiCommand, withApi } from '../api/api-command.ts';
import { addRequestFlags, FLAG_NAMES, type RequestFlags, requestOf } from '../api/request-flags.ts';
import { CliError } from '../cli-error.ts';
import { wholeNumber } from '../parse-option.ts';
import { finish } from './sample.ts';

interface FinishFlags {
  readonly detach?: true;
  readonly out?: string;
}

interface ForkFlags extends RequestFlags, FinishFlags {
  readonly step: number;
}

export function forkCommand(): Command {
  const command = apiCommand(
    'fork',
    'Go on from a kept step in another way: the steps before it are shared, not computed again.',
  )
    .argument('<id>', 'of the sample; it must have kept the step (cairn sample --keep-trajectory)')
    .requiredOption('--step <k>', 'steps taken when the fork begins; 0 is the noise', wholeNumber(0));
  return addRequestFlags(command)
    .option('--out <folder>', 'write the outputs there when it has succeeded')
    .option('--detach', 'create it and end; it goes on by itself')
    .addHelpText(
      'after',
      `
Example:
  cairn fork smp_5mafr3c5y3xq0v1k2h7t9bn8de --step 10 --class 8 --scale 6 --out as-eight`,
    )
    .action(withApi<ForkFlags>(fork, FLAG_NAMES));
}

async function fork(context: ApiContext, flags: ForkFlags, id: string): Promise<void> {
  const request = { ...(await requestOf(flags)), step: flags.step } as ForkRequest;
  const created = await context.client.forkSample(id, request, { signal: context.signal });
  await finish(context, created.id, flags);
}

export function replayCommand(): Command {
  return apiCommand(
    'replay',
    'Draw a finished sample again, and compare every tensor by its digest; exit code 1 if one differs.',
  )
    .argument('<id>', 'of the sample')
    .option('--out <folder>', 'write the outputs there when it has succeeded')
    .option('--detach', 'create it and end; it goes on by itself')
    .action(withApi<FinishFlags>(replay));
}

async function replay(context: ApiContext, flags: FinishFlags, id: string): Promise<void> {
  const created = await context.client.replaySample(id, { signal: context.signal });
  const { replay } = await finish(context, created.id, flags);
  if (replay?.equal === false) {
    throw new CliError(`${created.id} is not equal to ${id}: images ${replay.differing.join(', ')} differ`);
  }
}
