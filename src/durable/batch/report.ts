/** What a batch tells its job. */
import type { Failure } from '../spec.ts';
import { type BatchRecord, type BatchStore, isTerminal } from './batch-store.ts';
import type { BatchReceipt } from './receipt.ts';

/** Small, replaceable, and the same however often it is told. */
export interface BatchReport {
  readonly status: BatchRecord['status'];
  /** Which of its lives it is in; see BatchOrders. */
  readonly life: number;
  readonly paused: boolean;
  /** Changes of course it has taken in, and the steps they hold from. */
  readonly patches: readonly { readonly seq: number; readonly step: number }[];
  readonly step: number;
  readonly startedAt: number;
  readonly finishedAt: number | null;
  readonly failure: Failure | null;
  /** Recent time from commit to commit; null before there are two in a row. */
  readonly stepMs: number | null;
  /** While steps fail: why, since when (ms), how often. */
  readonly retry: { readonly message: string; readonly since: number; readonly attempts: number } | null;
  /** What it did, once it is over. */
  readonly receipt: BatchReceipt | null;
}

/** @param stepMs recent time from commit to commit */
export function describeBatch(store: BatchStore, stepMs: number | null): BatchReport {
  const record = store.read()!;
  const { status, life, paused, step, startedAt, finishedAt, failure } = record;
  const { failingSince, attempts, lastError } = record;
  const retry =
    failingSince === null || isTerminal(status)
      ? null
      : { message: lastError ?? 'unknown error', since: failingSince, attempts };
  const patches = store.patches().map(({ seq, step: from }) => ({ seq, step: from }));
  const receipt = isTerminal(status) ? store.receipt() : null;
  return {
    ...{ status, life, paused, patches, step, startedAt, finishedAt, failure },
    ...{ retry, stepMs, receipt },
  };
}
