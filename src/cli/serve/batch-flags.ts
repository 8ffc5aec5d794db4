/** Flags of `cairn serve` that say how requests are joined into batches. */
import type { Command } from 'commander';
import type { ServerOptions } from '../../server/index.ts';
import { decimalNumber, wholeNumber } from '../parse-option.ts';

export interface BatchFlags {
  readonly maxBatch?: number;
  readonly batchWindow?: number;
  readonly maxQueue?: number;
  readonly exactBatch?: number;
}

export function addBatchFlags(command: Command): Command {
  return command
    .option('--max-batch <images>', 'most images in one run (default: 16)', wholeNumber(1, 4096))
    .option(
      '--batch-window <ms>',
      'longest wait for more images when requests come often; 0 for none (default: 2)',
      decimalNumber(0),
    )
    .option(
      '--max-queue <images>',
      'images of one model that may wait; more are answered 503 (default: 1024)',
      wholeNumber(1),
    )
    .option(
      '--exact-batch <images>',
      'size of every run of exact requests, which share it (default: each runs alone)',
      wholeNumber(1, 4096),
    );
}

export function batchOptions(flags: BatchFlags): Required<Pick<ServerOptions, 'batching'>> {
  const { maxBatch, batchWindow, maxQueue, exactBatch } = flags;
  return {
    batching: {
      ...(maxBatch !== undefined && { maxBatchSize: maxBatch }),
      ...(batchWindow !== undefined && { maxWindowMs: batchWindow }),
      ...(maxQueue !== undefined && { maxQueuedItems: maxQueue }),
      ...(exactBatch !== undefined && { exactBatchSize: exactBatch }),
    },
  };
}
