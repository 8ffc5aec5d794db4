/** `cairn export triton`: a Triton model repository, and a KServe manifest for it. */
import { Command, InvalidArgumentError, Option } from 'commander';
import type { Accelerator } from '../../export/triton/options.ts';
import { CliError, EXIT_USAGE } from '../cli-error.ts';
import { wholeNumber } from '../parse-option.ts';
import { type ServiceFlags, serviceOptions, withServiceOptions } from './export-service.ts';

interface TritonFlags extends ServiceFlags {
  readonly out: string;
  readonly accelerator: Accelerator;
  readonly fp16?: boolean;
  readonly engineCache?: string;
  readonly instances: number;
  readonly gpus?: readonly number[];
  readonly threads?: number;
  readonly maxBatchSize?: number;
  readonly batching: boolean;
  readonly queueDelay: number;
  readonly queueSize: number;
  readonly queueTimeout: number;
  readonly link?: boolean;
  readonly force?: boolean;
  readonly kserve?: string;
  readonly storageUri?: string;
  readonly runtimeVersion?: string;
}

export function exportTritonCommand(): Command {
  const count = wholeNumber(1);
  const command = new Command('triton')
    .description(
      'Write model folders as an NVIDIA Triton model repository: <model>, -classifier and -guided.',
    )
    .argument('<models>', 'a model folder, or a folder of model folders')
    .requiredOption('--out <folder>', 'the repository to write')
    .addOption(
      new Option('--accelerator <name>', 'what the models run on')
        .choices(['cuda', 'tensorrt', 'cpu'])
        .default('cuda'),
    )
    .option('--fp16', 'let TensorRT compute in half precision')
    .option('--engine-cache <folder>', "folder on the server that keeps TensorRT's engines")
    .option('--instances <n>', 'copies of each model on each GPU, or in all on the CPU', count, 1)
    .option('--gpus <list>', 'which GPUs, as in 0,1 (default: all)', gpuList)
    .option('--threads <n>', 'threads of one run on the CPU (default: all cores)', wholeNumber(1, 1024))
    .option('--max-batch-size <n>', "images in one run, of any jobs (default: the model's own)", count)
    .option(
      '--queue-delay <us>',
      'microseconds a step waits for others to share its run',
      wholeNumber(0),
      500,
    )
    .option('--queue-size <n>', 'steps that may wait; more are answered 503', count, 256)
    .option('--queue-timeout <ms>', 'milliseconds a step may wait', count, 30_000)
    .option('--no-batching', 'run every request alone: no bit depends on the load')
    .option('--link', 'hard links to the graphs instead of copies')
    .option('--force', 'replace an earlier repository')
    .option('--kserve <file>', 'also write a KServe InferenceService for the repository')
    .option('--storage-uri <uri>', 'for --kserve: where the repository will be, as in s3://bucket/repo')
    .option('--runtime-version <tag>', "for --kserve: tag of the Triton image (default: the cluster's)");
  return withServiceOptions(command).action(exportRepository);
}

function gpuList(text: string): number[] {
  const entries = text.split(',');
  if (entries.every((entry) => /^\d{1,3}$/.test(entry)) && new Set(entries).size === entries.length) {
    return entries.map(Number);
  }
  throw new InvalidArgumentError('Expected numbers of GPUs with commas between: 0,1.');
}

async function exportRepository(models: string, flags: TritonFlags): Promise<void> {
  const { kserve, storageUri } = flags;
  if ((kserve === undefined) !== (storageUri === undefined)) {
    throw new CliError('--kserve and --storage-uri go together', EXIT_USAGE);
  }
  // Imported here: the other commands do not pay for it.
  const { exportTriton } = await import('../../export/triton/repository.ts');
  const { inferenceService } = await import('../../export/kserve/inference-service.ts');
  const { writeAtomically } = await import('../write-atomically.ts');
  const { fp16, engineCache, gpus, threads, maxBatchSize, link, force, runtimeVersion } = flags;
  try {
    // First, so that a wrong name is told before gigabytes are copied.
    const manifest =
      storageUri === undefined
        ? undefined
        : inferenceService({
            runtime: 'triton',
            storageUri,
            ...serviceOptions(flags, flags.accelerator !== 'cpu'),
            ...(runtimeVersion !== undefined && { runtimeVersion }),
          });
    const { models: names, bytes } = await exportTriton({
      models,
      out: flags.out,
      accelerator: flags.accelerator,
      instances: flags.instances,
      batching: flags.batching,
      queueDelayMicroseconds: flags.queueDelay,
      queueSize: flags.queueSize,
      queueTimeoutMs: flags.queueTimeout,
      ...(fp16 !== undefined && { fp16 }),
      ...(engineCache !== undefined && { engineCache }),
      ...(gpus !== undefined && { gpus }),
      ...(threads !== undefined && { threads }),
      ...(maxBatchSize !== undefined && { maxBatchSize }),
      ...(link !== undefined && { link }),
      ...(force !== undefined && { force }),
    });
    console.log(`Wrote ${names.join(', ')} to ${flags.out}: ${(bytes / 1e6).toFixed(1)} MB of graphs`);
    if (kserve !== undefined && manifest !== undefined) {
      await writeAtomically(kserve, new TextEncoder().encode(manifest));
      console.log(`Wrote ${kserve}`);
    }
  } catch (error) {
    throw new CliError((error as Error).message, undefined, { cause: error });
  }
}
