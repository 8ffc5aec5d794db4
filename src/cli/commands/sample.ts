/** `cairn sample`: draw images, watch them, write them. */
import type { Command } from 'commander';
import type { SampleRequest, SampleResponse } from '../../client/index.ts';
import { type ApiContext, apiCommand, print, withApi } from '../api/api-command.ts';
import { describeSample } from '../api/describe.ts';
import { saveWithProgress } from '../api/download-progress.ts';
import { follow, requireSuccess } from '../api/follow.ts';
import {
  addRequestFlags,
  definedOf,
  FLAG_NAMES,
  type RequestFlags,
  requestOf,
} from '../api/request-flags.ts';
import { type LabelsFlag, labels, wholeNumber } from '../parse-option.ts';

interface SampleFlags extends RequestFlags {
  readonly model?: string;
  readonly count?: number;
  readonly labels?: LabelsFlag;
  readonly idempotencyKey?: string;
  readonly detach?: true;
  readonly out?: string;
}

const DEFAULT_MODEL = 'mnist-32';

export function sampleCommand(): Command {
  const command = apiCommand(
    'sample',
    'Draw images: create a sample, watch it to its end, write its outputs.',
  )
    .option('--model <id>', `model (default: ${DEFAULT_MODEL})`)
    .option('--count <images>', 'images in all (default: one for each class)', wholeNumber(1))
    .option('--labels <rule>', 'in place of --class: "random", or images per class as 3=5000,8=5000', labels);
  return addRequestFlags(command)
    .option('--out <folder>', 'write the outputs there when it has succeeded')
    .option('--detach', 'create it and end; it goes on by itself')
    .option('--idempotency-key <key>', 'the same key makes the same sample, however often the command runs')
    .addHelpText(
      'after',
      `
Examples:
  cairn sample --class 3,1,4 --seed 7 --out digits
  cairn sample --labels random --count 50000 --steps 25 --out run
  cairn sample --class 8 --sampler ddim --steps ddim25 --scale 4 --keep-trajectory 5
  cairn sample --class 3 --scale '{"type":"interval","scale":6,"from":800,"to":200}' --detach --json`,
    )
    .action(withApi<SampleFlags>(sample, FLAG_NAMES));
}

async function sample(context: ApiContext, flags: SampleFlags): Promise<void> {
  const body = await requestOf(flags);
  const request = {
    model: DEFAULT_MODEL,
    ...body,
    ...definedOf({ model: flags.model, count: flags.count, labels: flags.labels }),
  } as SampleRequest;
  const created = await context.client.createSample(request, {
    signal: context.signal,
    ...(flags.idempotencyKey !== undefined && { idempotencyKey: flags.idempotencyKey }),
  });
  await finish(context, created.id, flags);
}

/** What follows a create, for fork and replay too. @returns the sample at its end; as it was made if nobody waits */
export async function finish(
  context: ApiContext,
  id: string,
  { detach, out }: { readonly detach?: true; readonly out?: string },
): Promise<SampleResponse> {
  const { client, signal, json } = context;
  if (detach) {
    const created = await client.readSample(id, { signal });
    print(context, created, `${id}\nFollow it with: cairn watch ${id}`);
    return created;
  }
  if (!json) console.error(id);
  const ended = await follow(context, id);
  const paths =
    out !== undefined && ended.status === 'succeeded' ? await saveWithProgress(context, ended, out) : [];
  print(context, ended, [describeSample(ended), ...paths.map((path) => `wrote ${path}`)].join('\n'));
  requireSuccess(ended);
  return ended;
}
