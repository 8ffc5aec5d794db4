/**
 * Everything of a job but its own object: each step may be repeated, so that a removal that dies anywhere is finished by
 * beginning again. The job's object keeps its tombstone until all of this is done.
 */
import type { Env } from '../env.ts';
import { removeSample } from '../store/samples.ts';
import { jobPrefix } from './outputs.ts';
import { batchName, MAX_IN_FLIGHT, type SampleSpec, splitIntoBatches } from './spec.ts';

/** What one call to R2 lists, and what one deletes. */
const KEYS_PER_CALL = 1_000;

/**
 * From the index first, so that no list shows what is going; then the batches, which may still write pictures; then what
 * lies in the bucket.
 */
export async function removeAll(env: Env, spec: SampleSpec): Promise<void> {
  await removeSample(env.DB, spec.id);
  const batches = splitIntoBatches(spec);
  for (let i = 0; i < batches.length; i += MAX_IN_FLIGHT) {
    await Promise.all(
      batches
        .slice(i, i + MAX_IN_FLIGHT)
        .map(({ index }) => env.BATCHES.get(env.BATCHES.idFromName(batchName(spec.id, index))).erase()),
    );
  }
  await removeObjects(env.OUTPUTS, jobPrefix(spec.id));
}

/** Page by page from the beginning: what is deleted is not listed again. */
export async function removeObjects(
  bucket: R2Bucket,
  prefix: string,
  perCall = KEYS_PER_CALL,
): Promise<void> {
  for (;;) {
    const { objects, truncated } = await bucket.list({ prefix, limit: perCall });
    if (objects.length > 0) await bucket.delete(objects.map(({ key }) => key));
    if (!truncated) return;
  }
}
