/** Commands that look at one sample, or say what is to happen to it: get, download, cancel, pause, resume, delete. */
import type { Command } from 'commander';
import type { CairnClient, SampleResponse } from '../../client/index.ts';
import { type ApiContext, apiCommand, print, withApi } from '../api/api-command.ts';
import { describeSample } from '../api/describe.ts';
import { saveWithProgress } from '../api/download-progress.ts';
import { type OutputKind, saveAnimation } from '../api/save-outputs.ts';
import { CliError, EXIT_USAGE } from '../cli-error.ts';
import { wholeNumber } from '../parse-option.ts';

export function getCommand(): Command {
  return apiCommand('get', 'Show a sample: status, progress, outputs.')
    .argument('<id>', 'of the sample')
    .action(withApi(call((client, id, options) => client.readSample(id, options))));
}

export function cancelCommand(): Command {
  return apiCommand('cancel', 'Cancel a sample: it stops within one step, for good.')
    .argument('<id>', 'of the sample')
    .action(withApi(call((client, id, options) => client.cancelSample(id, options))));
}

export function pauseCommand(): Command {
  return apiCommand('pause', 'Pause a sample: it stands still within one step, until it is resumed.')
    .argument('<id>', 'of the sample')
    .action(withApi(call((client, id, options) => client.pauseSample(id, options))));
}

export function resumeCommand(): Command {
  return apiCommand('resume', 'Go on with a paused sample, or take up a failed one at its last good step.')
    .argument('<id>', 'of the sample')
    .action(withApi(call((client, id, options) => client.resumeSample(id, options))));
}

export function deleteCommand(): Command {
  return apiCommand('delete', 'Delete a sample with its outputs, for good; what runs is stopped.')
    .argument('<id>', 'of the sample')
    .action(withApi(remove));
}

async function remove(context: ApiContext, _flags: object, id: string): Promise<void> {
  await context.client.deleteSample(id, { signal: context.signal });
  print(context, { id, deleted: true }, `${id} is deleted.`);
}

export function downloadCommand(): Command {
  return apiCommand('download', 'Write the outputs of a sample: grid, images, arrays, whatever is there.')
    .argument('<id>', 'of the sample')
    .option('--out <folder>', 'where the files go (default: a folder named as the sample)')
    .option(
      '--only <list>',
      'these only, with commas between: images, grid, npz, ... (default: all, but no images of a large run)',
      (text) => text.split(','),
    )
    .option(
      '--animation [image]',
      'the kept steps as one animated PNG and nothing else: of all images, or of one by its index',
      wholeNumber(0),
    )
    .action(withApi(download));
}

function call(
  run: (client: CairnClient, id: string, options: { signal: AbortSignal }) => Promise<SampleResponse>,
) {
  return async (context: ApiContext, _flags: object, id: string): Promise<void> => {
    const sample = await run(context.client, id, { signal: context.signal });
    print(context, sample, describeSample(sample));
  };
}

interface DownloadFlags {
  readonly out?: string;
  readonly only?: OutputKind[];
  /** true: of all images. */
  readonly animation?: number | true;
}

async function download(
  context: ApiContext,
  { out, only, animation }: DownloadFlags,
  id: string,
): Promise<void> {
  const { client, signal } = context;
  const folder = out ?? id;
  if (animation !== undefined) {
    if (only !== undefined) throw new CliError('--animation: not together with --only', EXIT_USAGE);
    const image = animation === true ? undefined : animation;
    const path = await saveAnimation(client, id, folder, { signal, ...(image !== undefined && { image }) });
    return print(context, { files: [path] }, `wrote ${path}`);
  }
  const sample = await client.readSample(id, { signal });
  const files = await saveWithProgress(context, sample, folder, only);
  print(context, { files }, files.map((path) => `wrote ${path}`).join('\n'));
}
