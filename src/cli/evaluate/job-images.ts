/** The images of a finished sample of the API, as a file beside nothing else. */
import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream } from 'node:stream/web';
import { type ConnectionFlags, connect, explainApiError } from '../api/api-command.ts';
import { CliError } from '../cli-error.ts';

export interface JobImages extends AsyncDisposable {
  /** Of the .npz. */
  readonly path: string;
}

/** Whether a word of the command line is a sample's id. */
export function isSampleId(word: string): boolean {
  return /^smp_[0-9a-z]+$/.test(word);
}

/**
 * @returns a file that goes when it is disposed of
 * @throws {CliError} if the sample has not succeeded, or the API refuses or does not answer
 */
export async function fetchJobImages(id: string, flags: ConnectionFlags): Promise<JobImages> {
  const client = await connect(flags);
  const folder = await mkdtemp(join(tmpdir(), 'cairn-evaluate-'));
  const path = join(folder, `${id}.npz`);
  try {
    const { status, outputs } = await client.readSample(id);
    if (outputs.npz === null) {
      throw new CliError(`${id} is ${status}; its images can be judged once it has succeeded`);
    }
    const body = await client.downloadStream(outputs.npz);
    await pipeline(Readable.fromWeb(body as ReadableStream<Uint8Array>), createWriteStream(path));
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw explainApiError(error, flags.api);
  }
  return { path, [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }) };
}
