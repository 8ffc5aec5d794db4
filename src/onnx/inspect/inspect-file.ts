/** Says what a file is: a checkpoint of the reference's networks, another state dict, or an ONNX model. */
import { type FileHandle, open } from 'node:fs/promises';
import { isSafetensors } from '../checkpoint/safetensors-layout.ts';
import { digestFile } from '../digest-file.ts';
import { reasonOf } from '../file-error.ts';
import { oneLine } from '../one-line.ts';
import { inspectCheckpoint } from './checkpoint.ts';
import type { CheckpointInspection, FileFacts, Inspection } from './inspection.ts';
import { inspectOnnx } from './onnx-model.ts';

export interface InspectOptions {
  /** Where the state dict is, if a checkpoint holds several under different keys. */
  readonly key?: string;
}

/**
 * @throws {Error} one line that starts with the path, if the file can't be read, is damaged, or is something else
 */
export async function inspectFile(path: string, options: InspectOptions = {}): Promise<Inspection> {
  try {
    const { format, bytes } = await recognise(path);
    const facts = { path, bytes };
    if (format === 'ONNX') {
      const found = await inspectOnnx(path);
      return { ...facts, sha256: await digestFile(path), ...found };
    }
    const found = await inspectCheckpoint(path, options);
    return { ...facts, sha256: await digestFile(path), format, ...found };
  } catch (error) {
    const message = reasonOf(error);
    const line = message.startsWith(`${path}: `) ? message : `${path}: ${message}`;
    throw new Error(oneLine(line), { cause: error });
  }
}

type Format = CheckpointInspection['format'] | 'ONNX';

/** ONNX has no mark of its own: it is what is left. */
async function recognise(path: string): Promise<{ format: Format } & Pick<FileFacts, 'bytes'>> {
  await using handle: FileHandle = await open(path, 'r');
  const { size } = await handle.stat();
  const { buffer, bytesRead } = await handle.read(new Uint8Array(2), 0, 2, 0);
  const format = (): Format => {
    if (bytesRead === 0) throw new Error('the file is empty');
    // First: the length that such a file begins with may look like the others' first bytes.
    if (isSafetensors(handle.fd, size)) return 'safetensors';
    if (buffer[0] === 0x50 && buffer[1] === 0x4b) return 'PyTorch checkpoint (zip)';
    if (buffer[0] === 0x80) return 'PyTorch checkpoint (legacy)';
    return 'ONNX';
  };
  return { format: format(), bytes: size };
}
