/** `cairn export kserve`: an InferenceService that runs Cairn's own server. */
import { Command, Option } from 'commander';
import { CliError } from '../cli-error.ts';
import { type ServiceFlags, serviceOptions, withServiceOptions } from './export-service.ts';

interface KserveFlags extends ServiceFlags {
  readonly image: string;
  readonly storageUri: string;
  readonly provider: string;
  readonly tokenSecret?: string;
  readonly out?: string;
}

export function exportKserveCommand(): Command {
  const command = new Command('kserve')
    .description("Write a KServe InferenceService that runs Cairn's own server on a folder of model folders.")
    .requiredOption('--image <image>', 'the container image, built from deploy/Dockerfile')
    .requiredOption('--storage-uri <uri>', 'where the folder of model folders is, as in s3://bucket/models')
    .addOption(
      new Option('--provider <name>', 'execution provider')
        .choices(['cpu', 'cuda', 'tensorrt', 'webgpu'])
        .default('cuda'),
    )
    .option('--token-secret <name>', 'Secret whose key "token" is the bearer token every call must carry')
    .option('--out <file>', 'the file to write (default: standard output)');
  return withServiceOptions(command).action(exportService);
}

async function exportService(flags: KserveFlags): Promise<void> {
  const { inferenceService } = await import('../../export/kserve/inference-service.ts');
  const { writeAtomically } = await import('../write-atomically.ts');
  const { image, storageUri, provider, tokenSecret, out } = flags;
  try {
    const manifest = inferenceService({
      runtime: 'cairn',
      image,
      storageUri,
      provider,
      ...serviceOptions(flags, provider !== 'cpu'),
      ...(tokenSecret !== undefined && { tokenSecret }),
    });
    if (out === undefined) process.stdout.write(manifest);
    else await writeAtomically(out, new TextEncoder().encode(manifest));
  } catch (error) {
    throw new CliError((error as Error).message, undefined, { cause: error });
  }
}
