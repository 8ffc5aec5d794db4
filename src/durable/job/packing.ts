/**
 * The images of a large run that has succeeded come into one file in the bucket, by a multipart upload: one part after
 * another is put together and sent, so that no more than a part is ever in memory, and what was sent is on record. A
 * part that is sent twice is the same bytes; an upload that is lost is begun anew, and the bucket drops what it had.
 */
import type { Env } from '../../env.ts';
import { concat, type Segment, streamSegments } from '../../files/segments.ts';
import { findModel } from '../../models/registry.ts';
import { messageOf } from '../batch/retry.ts';
import { npzKey } from '../outputs.ts';
import { runArchive } from '../run-archive.ts';
import type { JobState } from './job-record.ts';
import type { JobStore } from './job-store.ts';

/** All parts but the last are of one size; the bucket takes none below 5 MiB, and 10,000 of them. */
const PART_BYTES = 5 * 1024 * 1024;
const MAX_PARTS = 10_000;
/** One alarm packs for so long, ms, or reads so many batches: an invocation has 10,000 subrequests. */
const PACK_MS = 10_000;
const MAX_READS = 4_000;
/** Try again after this long, ms. */
const RETRY_MS = 10_000;
/** What the bucket says of an upload that was completed, aborted, or left for a week. */
const UPLOAD_GONE = /\(10024\)|upload does not exist/;

/** A piece of the work; the next alarm goes on. Never throws. */
export async function packSome(env: Env, store: JobStore, state: JobState): Promise<void> {
  try {
    await pack(env, store, state);
  } catch (error) {
    const message = messageOf(error);
    if (UPLOAD_GONE.test(message)) return store.pack.forget();
    console.error(JSON.stringify({ job: state.spec.id, packing: message }));
    store.pack.retryAt(Date.now() + RETRY_MS);
  }
}

/** The upload under way, if there is one, leaves nothing behind. */
export async function abandonPacking(env: Env, store: JobStore, job: string): Promise<void> {
  const { upload } = store.pack.read();
  if (upload === null) return;
  // One that is complete, or gone, has nothing to abort.
  await env.OUTPUTS.resumeMultipartUpload(npzKey(job), upload)
    .abort()
    .catch(() => {});
  store.pack.forget();
}

async function pack(env: Env, store: JobStore, { spec }: JobState): Promise<void> {
  const shape = findModel(spec.model)?.image;
  // Without the model nobody knows what the pixels mean; should it come back, they are packed then.
  if (shape === undefined) throw new Error(`this deployment has no model ${spec.model} any more`);
  const archive = await runArchive(env.OUTPUTS, spec, shape, store.batches.written());
  const key = npzKey(spec.id);
  const { size } = archive;
  const partBytes = Math.max(PART_BYTES, Math.ceil(size / MAX_PARTS));
  const parts = Math.ceil(size / partBytes);
  // A process may have died between the end of the upload and its word for it.
  if ((await env.OUTPUTS.head(key))?.size === size) return store.pack.finish();
  const upload = await resumeUpload(env, store, key);
  const startedAt = Date.now();
  const readsPerPart = Math.ceil((archive.segments.length * partBytes) / size) + 1;
  const sent = store.pack.parts().length;
  for (let number = sent + 1, reads = 0; number <= parts; number++, reads += readsPerPart) {
    if (reads > 0 && (reads + readsPerPart > MAX_READS || Date.now() - startedAt > PACK_MS)) return;
    const offset = (number - 1) * partBytes;
    const bytes = await readPart(archive.segments, offset, Math.min(partBytes, size - offset));
    store.pack.savePart(await upload.uploadPart(number, bytes));
  }
  await upload.complete(store.pack.parts());
  store.pack.finish();
}

async function resumeUpload(env: Env, store: JobStore, key: string): Promise<R2MultipartUpload> {
  const { upload } = store.pack.read();
  if (upload !== null) return env.OUTPUTS.resumeMultipartUpload(key, upload);
  const begun = await env.OUTPUTS.createMultipartUpload(key, {
    httpMetadata: { contentType: 'application/zip' },
  });
  store.pack.begin(begun.uploadId);
  return begun;
}

async function readPart(segments: readonly Segment[], offset: number, length: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of streamSegments(segments, offset, length)) chunks.push(chunk);
  return concat(chunks);
}
