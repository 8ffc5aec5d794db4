/** The pictures of samples as digests, over the API and as they lie on disk. */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CairnClient, SampleRequest, SampleResponse } from '../../src/client/index.ts';

/** sha256 of every PNG of one sample: the images in order, then the grid. */
export type Pictures = readonly string[];

export function createAll(client: CairnClient, requests: readonly SampleRequest[]): Promise<string[]> {
  return Promise.all(requests.map(async (request) => (await client.createSample(request)).id));
}

async function downloadPictures(client: CairnClient, sample: SampleResponse): Promise<Pictures> {
  if (sample.status !== 'succeeded') {
    throw new Error(`${sample.id} is ${sample.status}: ${sample.error?.message ?? sample.retry?.message}`);
  }
  const urls = [...sample.images.map((image) => image.url!), sample.grid!];
  return Promise.all(urls.map(async (url) => digest(await client.download(url))));
}

/** Waits for samples and downloads them. @throws {Error} if one did not succeed */
export function picturesOf(client: CairnClient, ids: readonly string[]): Promise<Pictures[]> {
  return Promise.all(ids.map(async (id) => downloadPictures(client, await client.waitForSample(id))));
}

/**
 * Waits until every one of these pictures lies in the bucket of a data folder, without a single request: a request
 * might wake what should have gone on by itself.
 *
 * @returns how many are still missing at the deadline
 */
export async function waitForPicturesOnDisk(
  data: string,
  expected: readonly Pictures[],
  timeout: number,
): Promise<number> {
  const deadline = Date.now() + timeout;
  for (;;) {
    const present = await digestsOnDisk(data);
    const missing = expected.flat().filter((picture) => !present.has(picture)).length;
    if (missing === 0 || Date.now() > deadline) return missing;
    await sleep(500);
  }
}

async function digestsOnDisk(data: string): Promise<Set<string>> {
  const folder = join(data, 'state/r2/cairn-outputs/blobs');
  const names = await readdir(folder).catch(() => []);
  // A blob may go between the two calls: a picture that is written again replaces its first blob.
  const blobs = await Promise.all(names.map((name) => readFile(join(folder, name)).catch(() => null)));
  return new Set(blobs.flatMap((blob) => (blob === null ? [] : [digest(blob)])));
}

function digest(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
