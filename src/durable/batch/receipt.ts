/**
 * What a batch did, from the events that were written with its steps: a step and its event are one transaction, so the
 * counts are right whatever died in between.
 */
import { thinOut } from '../quantiles.ts';

export interface BatchReceipt {
  /** Steps committed here; a step repeated after a crash is one. */
  readonly steps: number;
  /** Of them those without the classifier. */
  readonly unguided: number;
  /** Servers asked for the steps that were committed. */
  readonly answered: number;
  /** Calls that failed, after which the step was tried again. */
  readonly failed: number;
  /** Walks that a crash or an eviction cut off, or a pause or cancel stopped: each lost at most the call under way. */
  readonly lost: number;
  /** Bytes of bodies, for the steps that were committed. */
  readonly sent: number;
  readonly received: number;
  /** Steps by the backend that computed them; those inside the process under `embedded`. */
  readonly backends: Readonly<Record<string, number>>;
  /** Times of steps, ms, ascending: all of them, or a sample that keeps their distribution. */
  readonly stepMs: readonly number[];
  /** SHA-256 of the final tensor of each image, `[C, H, W]` float32 little-endian; null before the end. */
  readonly digests: readonly string[] | null;
  /** CRC-32 of the pixels of all its images, which a large run keeps together; absent or null: none are kept so. */
  readonly pixelsCrc32?: number | null;
}

/** At most so many times of steps go into a receipt. */
const MAX_TIMES = 128;

/** What is known of the images once they are written. */
export interface OutputRecord {
  readonly digests: readonly string[] | null;
  readonly pixelsCrc32: number | null;
}

export function receiptFrom(sql: SqlStorage, outputs: OutputRecord): BatchReceipt {
  const sums = sql
    .exec<Record<'steps' | 'unguided' | 'answered' | 'sent' | 'received', number>>(
      `SELECT count(*) AS steps, coalesce(sum(data ->> 'guided' = 0), 0) AS unguided,
       coalesce(sum(data ->> 'tries'), 0) AS answered, coalesce(sum(data ->> 'sent'), 0) AS sent,
       coalesce(sum(data ->> 'received'), 0) AS received FROM event WHERE kind = 'step'`,
    )
    .one();
  const times = sql.exec<{ ms: number }>(
    "SELECT coalesce(data ->> 'ms', data ->> 'backend_ms') AS ms FROM event WHERE kind = 'step' ORDER BY ms",
  );
  const backends = sql.exec<{ backend: string; steps: number }>(
    `SELECT coalesce(data ->> 'backend', 'embedded') AS backend, count(*) AS steps FROM event
     WHERE kind = 'step' GROUP BY 1`,
  );
  const { failed, lost } = sql
    .exec<{ failed: number; lost: number }>(
      `SELECT coalesce(sum((kind = 'retry' AND data ->> 'call' = 1)
         OR (kind = 'failed' AND data ->> 'code' IN ('backend_deadline', 'backend_rejected'))), 0) AS failed,
       coalesce(sum(kind IN ('cut_off', 'abandoned')), 0) AS lost FROM event`,
    )
    .one();
  return {
    ...sums,
    failed,
    lost,
    backends: Object.fromEntries([...backends].map(({ backend, steps }) => [backend, steps])),
    stepMs: thinOut(
      [...times].map(({ ms }) => ms),
      MAX_TIMES,
    ),
    ...outputs,
  };
}

/**
 * SHA-256 of each image's part of x, in lower-case hexadecimal digits.
 *
 * @param x `[N, C, H, W]`
 */
export function digestImages(x: Float32Array, images: number): Promise<string[]> {
  const elements = x.length / images;
  return Promise.all(
    Array.from({ length: images }, async (_, i) => {
      const bytes = x.slice(i * elements, (i + 1) * elements);
      return hex(await crypto.subtle.digest('SHA-256', bytes));
    }),
  );
}

export function hex(bytes: ArrayBuffer): string {
  return Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
