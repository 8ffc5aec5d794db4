/** Flags of `cairn serve` that say what the models run on and with how much of it. */
import { type Command, Option } from 'commander';
import { type ExecutionProvider, executionProvider } from '../../models/manifest.ts';
import type { ServerOptions } from '../../server/index.ts';
import { wholeNumber } from '../parse-option.ts';

export interface EngineFlags {
  readonly provider?: ExecutionProvider;
  readonly device?: number;
  readonly threads?: number;
  readonly arena: boolean;
  readonly engines: number;
  readonly runTimeout: number;
  readonly engineMemory?: number;
  readonly watch: boolean;
}

const MIB = 1024 * 1024;

export function addEngineFlags(command: Command): Command {
  return command
    .addOption(
      new Option(
        '--provider <name>',
        "onnxruntime's execution provider for all models (default: what a model.json says, else cpu)",
      ).choices(executionProvider.options),
    )
    .option(
      '--device <number>',
      'GPU of cuda or tensorrt (default: what a model.json says, else 0)',
      wholeNumber(0, 1023),
    )
    .option(
      '--threads <number>',
      'threads of one run (default: what a model.json says, else all cores)',
      wholeNumber(1, 1024),
    )
    .option(
      '--engines <number>',
      'processes of each model, and so batches at a time; each holds the whole model',
      wholeNumber(1, 64),
      1,
    )
    .option(
      '--run-timeout <seconds>',
      'longest run; then its engine is replaced',
      wholeNumber(1, 86_400),
      300,
    )
    .option(
      '--engine-memory <MiB>',
      'most main memory of an engine; then it is replaced (default: no limit)',
      wholeNumber(64),
    )
    .option('--no-arena', 'give the memory of a run back after it: slower, for models that are seldom used')
    .option('--no-watch', 'do not follow changes of the models folder');
}

type EngineOptions = Pick<
  ServerOptions,
  'provider' | 'device' | 'threads' | 'arena' | 'engines' | 'runLimitMs' | 'engineMemoryBytes' | 'watch'
>;

export function engineOptions(flags: EngineFlags): EngineOptions {
  const { provider, device, threads, arena, engines, runTimeout, engineMemory, watch } = flags;
  return {
    ...{ arena, engines, watch, runLimitMs: runTimeout * 1000 },
    ...(provider !== undefined && { provider }),
    ...(device !== undefined && { device }),
    ...(threads !== undefined && { threads }),
    ...(engineMemory !== undefined && { engineMemoryBytes: engineMemory * MIB }),
  };
}
