/** What a finished job did, and whether a replay is equal: both from what its batches told at their end. */
import type { BatchReceipt } from '../durable/batch/receipt.ts';
import type { JobRecord } from '../durable/job/job-record.ts';
import { timesOf } from '../durable/job/tally.ts';
import { quantile, type WeightedSample } from '../durable/quantiles.ts';
import { batchCount, isLarge, sharedStepsOf } from '../durable/spec.ts';
import type { Receipt, Replay } from './schemas/receipt.ts';

/** Null while the job is not over. */
export function receiptOf(record: JobRecord): Receipt | null {
  const { spec, status, batches, patches, requestDigest, startedAt, finishedAt } = record;
  if (status === 'active') return null;
  const receipts = sumsOf(record);
  const count = batchCount(spec);
  const sum = (of: (receipt: Sums) => number) => receipts.reduce((total, one) => total + of(one), 0);
  const shared = sharedStepsOf(spec);
  const run = sum(({ steps }) => steps);
  // Servers of a fleet that did not answer, before another did.
  const passedOver = sum(({ answered, steps }) => answered - steps);
  const retries = sum(({ failed }) => failed);
  const lost = sum((one) => one.lost);
  const times = receipts.flatMap((receipt) => receipt.times);
  const p50 = quantile(times, 0.5);
  const p95 = quantile(times, 0.95);
  return {
    model: { id: spec.model, digest: spec.modelDigest },
    request_digest: requestDigest,
    seed: spec.seed,
    images: digestsOf(record)?.map((sha256, index) => ({ index, sha256 })) ?? null,
    images_sha256: record.runDigest,
    batches: count,
    steps: {
      run,
      shared: shared * count,
      unguided: sum(({ unguided }) => unguided),
      not_run: (spec.numSteps - shared) * count - run,
    },
    backend: {
      calls: run + passedOver + retries + lost,
      failed: passedOver + retries,
      lost,
      retries,
      steps_by_backend: backendsOf(receipts),
      bytes_sent: sum(({ sent }) => sent),
      bytes_received: sum(({ received }) => received),
    },
    step_ms: p50 === null || p95 === null ? null : { p50, p95 },
    patches: patches.map(({ seq }) => ({
      seq,
      from_steps: batches.map(
        ({ report }) => report?.patches.find((known) => known.seq === seq)?.step ?? null,
      ),
    })),
    started_at: startedAt === null ? null : new Date(startedAt).toISOString(),
    finished_at: finishedAt === null ? null : new Date(finishedAt).toISOString(),
  };
}

/** SHA-256 of the final tensor of each image; null unless every batch has succeeded and says so. */
export function digestsOf(record: JobRecord): string[] | null {
  if (record.status !== 'succeeded' || isLarge(record.spec)) return null;
  const digests = receiptsOf(record).flatMap((receipt) => receipt.digests ?? []);
  return digests.length === record.spec.count ? digests : null;
}

export function replayOf(record: JobRecord): Replay | null {
  const original = record.spec.replayOf ?? null;
  if (original === null) return null;
  const digests = digestsOf(record);
  const differing =
    digests?.flatMap((digest, index) => (digest === original.digests[index] ? [] : [index])) ?? [];
  return {
    of: original.id,
    equal: digests === null ? null : differing.length === 0,
    images: original.digests.length,
    differing,
    notes: notesOf(record, original.backends),
  };
}

function notesOf(record: JobRecord, before: readonly string[]): string[] {
  const notes: string[] = [];
  if (record.spec.reproducibility === 'fast') {
    notes.push('the original was made with reproducibility "fast", which promises no bits');
  }
  const now = backendNamesOf(record);
  if (record.status !== 'active' && now.join() !== before.join()) {
    notes.push(
      `steps were computed by ${now.join(', ') || 'nobody'}, those of the original by ${before.join(', ')}`,
    );
  }
  return notes;
}

/** Names of what computed a job's steps, in alphabetical order. */
export function backendNamesOf(record: JobRecord): string[] {
  return Object.keys(backendsOf(sumsOf(record))).toSorted();
}

function receiptsOf({ batches }: JobRecord): BatchReceipt[] {
  return batches.flatMap(({ report }) => report?.receipt ?? []);
}

/** What is added up of receipts. */
type Sums = Omit<BatchReceipt, 'stepMs' | 'digests' | 'pixelsCrc32'> & {
  readonly times: readonly WeightedSample[];
};

/** Of each batch; of a large run, those that succeeded as one. */
function sumsOf(record: JobRecord): Sums[] {
  const { spec, tally, open } = record;
  const receipts = isLarge(spec) ? open.flatMap(({ report }) => report?.receipt ?? []) : receiptsOf(record);
  const each = receipts.map((receipt) => ({
    ...receipt,
    times: [{ values: receipt.stepMs, count: receipt.steps }],
  }));
  return tally === null ? each : [{ ...tally, times: timesOf(tally) }, ...each];
}

function backendsOf(receipts: readonly Sums[]): Record<string, number> {
  const steps: Record<string, number> = {};
  for (const { backends } of receipts) {
    for (const [name, count] of Object.entries(backends)) steps[name] = (steps[name] ?? 0) + count;
  }
  return steps;
}
