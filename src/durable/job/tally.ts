/** Sums over the receipts of thousands of batches, kept as they end: a few numbers, and a histogram of step times. */
import type { BatchReceipt } from '../batch/receipt.ts';

export interface RunTally
  extends Pick<
    BatchReceipt,
    'steps' | 'unguided' | 'answered' | 'failed' | 'lost' | 'sent' | 'received' | 'backends'
  > {
  /** Steps by the bin of their time: bin k holds times above GROWTH^(k - 1) and up to GROWTH^k ms. */
  readonly times: Readonly<Record<string, number>>;
}

/** Each bin is so many times as wide as the one before: a quantile is right within one percent. */
const GROWTH = 1.02;
/** Times below it count as this one, ms. */
const SHORTEST_MS = 0.01;

export const EMPTY_TALLY: RunTally = {
  ...{ steps: 0, unguided: 0, answered: 0, failed: 0, lost: 0, sent: 0, received: 0 },
  backends: {},
  times: {},
};

export function addReceipt(tally: RunTally, receipt: BatchReceipt): RunTally {
  const { steps, unguided, answered, failed, lost, sent, received, backends, stepMs } = receipt;
  const times = { ...tally.times };
  for (const ms of stepMs) add(times, String(binOf(ms)), steps / stepMs.length);
  const sums = { ...tally.backends };
  for (const [name, count] of Object.entries(backends)) add(sums, name, count);
  return {
    steps: tally.steps + steps,
    unguided: tally.unguided + unguided,
    answered: tally.answered + answered,
    failed: tally.failed + failed,
    lost: tally.lost + lost,
    sent: tally.sent + sent,
    received: tally.received + received,
    backends: sums,
    times,
  };
}

/** Times of the middles of the bins, each with the steps it stands for: see quantile. */
export function timesOf({
  times,
}: RunTally): { readonly values: readonly number[]; readonly count: number }[] {
  return Object.entries(times).map(([bin, count]) => ({
    values: [(2 * GROWTH ** Number(bin)) / (GROWTH + 1)],
    count,
  }));
}

function binOf(ms: number): number {
  return Math.ceil(Math.log(Math.max(ms, SHORTEST_MS)) / Math.log(GROWTH));
}

function add(counts: Record<string, number>, name: string, count: number): void {
  counts[name] = (counts[name] ?? 0) + count;
}
