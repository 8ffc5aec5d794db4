/** Opens checkpoints of PyTorch and of safetensors: names, types and shapes at once, the elements of a tensor when they are asked for. */
import { type FileHandle, open } from 'node:fs/promises';
import type { ByteSource } from '../byte-source.ts';
import { reasonOf } from '../file-error.ts';
import { oneLine } from '../one-line.ts';
import { readAt } from '../read-at.ts';
import { BYTES_PER_ELEMENT, type Dtype, elementsFromBytes, type TensorData } from './dtype.ts';
import { openLegacyLayout } from './legacy-layout.ts';
import { isSafetensors, openSafetensors } from './safetensors-layout.ts';
import { findStateDict } from './state-dict.ts';
import type { StorageRecords } from './storage-records.ts';
import {
  checkLayout,
  elementCount,
  gather,
  isContiguous,
  type StridedLayout,
  spannedElements,
} from './strided.ts';
import type { TensorReference } from './torch-globals.ts';
import { openZipLayout } from './zip-layout.ts';

export interface CheckpointTensor {
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  /**
   * The elements in row-major order (bfloat16 widened to float32).
   *
   * @throws {CheckpointError} if the file is damaged there, or closed
   */
  read(): TensorData;
  /**
   * The same elements in order as the file stores them, little-endian; `undefined` where they are not in row-major
   * order there, or can only be had together. What it gives may fail as `read` does.
   */
  source(): ByteSource | undefined;
}

export interface Checkpoint extends AsyncDisposable {
  readonly path: string;
  /** In the file's order. */
  readonly tensors: ReadonlyMap<string, CheckpointTensor>;
  close(): Promise<void>;
}

export interface OpenCheckpointOptions {
  /** Where the state dict is, if the file holds several under different keys. */
  readonly key?: string;
}

/** A file that is no readable checkpoint. The message is one line that starts with the path. */
export class CheckpointError extends Error {
  override readonly name = 'CheckpointError';
}

/**
 * Opens a state dict saved by `torch.save`, in the zip or the legacy layout, or a safetensors file. Nothing in the
 * file is ever run.
 *
 * @throws {CheckpointError} if the file can't be read, is damaged, or asks for a Python global that is not allowed
 */
export async function openCheckpoint(path: string, options: OpenCheckpointOptions = {}): Promise<Checkpoint> {
  const handle = await naming(path, () => open(path, 'r'));
  try {
    return await naming(path, async () => {
      const { root, records } = await openLayout(handle);
      const tensors = new Map<string, CheckpointTensor>();
      for (const [name, reference] of findStateDict(root, options.key)) {
        tensors.set(name, describe(path, name, reference, records));
      }
      const close = () => handle.close();
      return { path, tensors, close, [Symbol.asyncDispose]: close };
    });
  } catch (error) {
    await handle.close();
    throw error;
  }
}

async function openLayout(handle: FileHandle): Promise<{ root: unknown; records: StorageRecords }> {
  const { size } = await handle.stat();
  // First: the length that such a file begins with may look like the others' first bytes.
  if (isSafetensors(handle.fd, size)) return openSafetensors(handle.fd, size);
  const [first, second] = readAt(handle.fd, 0, Math.min(size, 2));
  if (first === 0x50 && second === 0x4b) return openZipLayout(handle.fd, size);
  if (first === 0x80) return openLegacyLayout(handle.fd, size);
  throw new Error('not a PyTorch checkpoint (neither a zip file nor a pickle, nor a safetensors file)');
}

function describe(
  path: string,
  name: string,
  reference: TensorReference,
  records: StorageRecords,
): CheckpointTensor {
  const { storage, shape } = reference;
  const layout = { dtype: storage.dtype, shape, strides: reference.strides, offset: reference.offset };
  const where = `${path}: tensor ${name}`;
  naming(where, () => {
    checkLayout(layout, storage.length);
    records.check(storage);
  });
  const read = () => naming(where, () => readTensor(layout, reference, records));
  const source = (): ByteSource | undefined => {
    const found = naming(where, () => sourceOf(layout, reference, records));
    return found && { length: found.length, fill: (target) => naming(where, () => found.fill(target)) };
  };
  return { dtype: storage.dtype, shape, read, source };
}

function sourceOf(
  layout: StridedLayout,
  { storage }: TensorReference,
  records: StorageRecords,
): ByteSource | undefined {
  if (!isContiguous(layout)) return undefined;
  const size = BYTES_PER_ELEMENT[layout.dtype];
  return records.source(storage, layout.offset * size, elementCount(layout.shape) * size);
}

function readTensor(
  layout: StridedLayout,
  { storage }: TensorReference,
  records: StorageRecords,
): TensorData {
  const size = BYTES_PER_ELEMENT[layout.dtype];
  const span = records.read(storage, layout.offset * size, spannedElements(layout) * size);
  return elementsFromBytes(layout.dtype, isContiguous(layout) ? span : gather(layout, span));
}

/** Runs `action`; whatever it throws becomes one line that says where. */
function naming<T>(where: string, action: () => T): T {
  const rethrow = (error: unknown): never => {
    if (error instanceof CheckpointError) throw error;
    throw new CheckpointError(oneLine(`${where}: ${reasonOf(error)}`), { cause: error });
  };
  try {
    const result = action();
    return result instanceof Promise ? (result.catch(rethrow) as T) : result;
  } catch (error) {
    return rethrow(error);
  }
}
