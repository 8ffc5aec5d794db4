/** Sizes and digests, without holding a file of gigabytes. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { digestFile } from '../onnx/digest-file.ts';
import { reasonOf } from '../onnx/file-error.ts';

/** A file as model.json describes it. */
export interface DescribedFile {
  readonly file: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** @throws {Error} if the file is not there, or another than model.json says */
export async function checkFile(folder: string, { file, bytes, sha256 }: DescribedFile): Promise<void> {
  const path = join(folder, file);
  const { size } = await stat(path).catch((error: unknown) => {
    throw new Error(reasonOf(error), { cause: error });
  });
  if (size !== bytes) throw new Error(`${file} has ${size} bytes; model.json says ${bytes}`);
  const digest = await digestFile(path);
  if (digest !== sha256) throw new Error(`${file} has SHA-256 ${digest}; model.json says ${sha256}`);
}
