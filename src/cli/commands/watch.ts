/** `cairn watch`: a sample's progress, live, to its end. */
import type { Command } from 'commander';
import { type ApiContext, apiCommand, print, withApi } from '../api/api-command.ts';
import { describeSample } from '../api/describe.ts';
import { follow, requireSuccess } from '../api/follow.ts';

export function watchCommand(): Command {
  return apiCommand('watch', 'Watch a sample to its end. Ctrl-C stops watching; the sample goes on.')
    .argument('<id>', 'of the sample')
    .action(withApi(watch));
}

async function watch(context: ApiContext, _flags: object, id: string): Promise<void> {
  const ended = await follow(context, id);
  print(context, ended, describeSample(ended));
  requireSuccess(ended);
}
