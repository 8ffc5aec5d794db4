/**
 * Everything of a job but its own object: each step may be repeated, so that a removal that dies anywhere is finished by
 * beginning again. The job's object keeps its tombstone until all of this is done.
 */
import type { Env } from '../env.ts';
import { removeSample } from '../store/samples.ts';
import { batchObject } from './batch-object.ts';
import { jobPrefix } from './outputs.ts';
import { batchCount, MAX_IN_FLIGHT, type SampleSpec } from './spec.ts';

/** What one call to R2 lists, and what one deletes. */
const KEYS_PER_CALL = 1_000;
/** Such calls in one alarm; the next goes on. */
const PAGES_PER_ALARM = 10;

/**
 * From the index first, so that no list shows what is going; then the batches, which may still write pictures; then what
 * lies in the bucket.
 *
 * @param batches whose objects hold something; null for all. Those of a large run that succeeded have gone by themselves
 * @returns whether that was all
 */
export async function removeSome(
  env: Env,
  spec: SampleSpec,
  batches: readonly number[] | null,
): Promise<boolean> {
  await removeSample(env.DB, spec.id);
  const indices = batches ?? Array.from({ length: batchCount(spec) }, (_, index) => index);
  for (let i = 0; i < indices.length; i += MAX_IN_FLIGHT) {
    const some = indices.slice(i, i + MAX_IN_FLIGHT);
    await Promise.all(some.map((index) => batchObject(env, spec.id, index).erase()));
  }
  return removeObjects(env.OUTPUTS, jobPrefix(spec.id), { pages: PAGES_PER_ALARM });
}

/** Page by page from the beginning: what is deleted is not listed again. @returns whether nothing is left */
export async function removeObjects(
  bucket: R2Bucket,
  prefix: string,
  { perCall = KEYS_PER_CALL, pages = Number.POSITIVE_INFINITY } = {},
): Promise<boolean> {
  for (let page = 0; page < pages; page++) {
    const { objects, truncated } = await bucket.list({ prefix, limit: perCall });
    if (objects.length > 0) await bucket.delete(objects.map(({ key }) => key));
    if (!truncated) return true;
  }
  return false;
}
