/** Flags that every InferenceService has. */
import type { Command } from 'commander';
import { wholeNumber } from '../parse-option.ts';

export interface ServiceFlags {
  readonly name: string;
  readonly namespace?: string;
  readonly replicas: number;
  readonly memory: string;
}

export function withServiceOptions(command: Command): Command {
  return command
    .option('--name <name>', 'name of the InferenceService', 'cairn')
    .option('--namespace <name>', "its namespace (default: kubectl's)")
    .option('--replicas <n>', 'how many servers', wholeNumber(1), 1)
    .option('--memory <amount>', 'memory of each server', '16Gi');
}

export function serviceOptions({ name, namespace, replicas, memory }: ServiceFlags, onGpu: boolean) {
  return { name, replicas, memory, gpus: onGpu ? 1 : 0, ...(namespace !== undefined && { namespace }) };
}
