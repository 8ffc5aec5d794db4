/** Sizes and digests, without holding a file of gigabytes. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { join } from 'node:path';

/** A file as model.json describes it. */
export interface DescribedFile {
  readonly file: string;
  readonly bytes: number;
  readonly sha256: string;
}

const PIECE_BYTES = 2 ** 20;

/** @throws {Error} if the file is not there, or another than model.json says */
export async function checkFile(folder: string, { file, bytes, sha256 }: DescribedFile): Promise<void> {
  const hash = createHash('sha256');
  let size = 0;
  for await (const piece of createReadStream(join(folder, file), { highWaterMark: PIECE_BYTES })) {
    hash.update(piece as Buffer);
    size += (piece as Buffer).length;
  }
  if (size !== bytes) throw new Error(`${file} has ${size} bytes; model.json says ${bytes}`);
  const digest = hash.digest('hex');
  if (digest !== sha256) throw new Error(`${file} has SHA-256 ${digest}; model.json says ${sha256}`);
}
