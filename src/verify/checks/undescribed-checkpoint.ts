/** Checkpoints that no index describes: copies in other layouts, and files that have to be refused. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { type Checkpoint, openCheckpoint } from '../../onnx/checkpoint/checkpoint.ts';
import { folderOf, type GoldenDirectory } from '../directory.ts';
import { type CheckResult, Comparison } from '../result.ts';
import { includes } from './state-dicts.ts';

/**
 * A file whose pickle calls into the system has to be refused, naming the call, and nothing may have run; a file cut
 * short has to give one line of error; any other has to hold the tensors of one of the described checkpoints.
 */
export async function* checkUndescribed(
  directory: GoldenDirectory,
  file: string,
): AsyncGenerator<CheckResult> {
  directory.claim(file);
  const bytes = await readFile(directory.absolute(file));
  const text = bytes.toString('latin1');
  const marker = /touch (\/[\w./-]+)/.exec(text)?.[1];
  const madeBefore = marker !== undefined && existsSync(marker);
  const { checkpoint, error } = await tryOpen(directory, file);
  const comparison = new Comparison();
  if (marker !== undefined) comparison.same(`whether ${marker} is there`, existsSync(marker), madeBefore);
  const call = systemCall(text);
  if (call !== undefined || isCutShort(bytes, text)) {
    await checkpoint?.close();
    comparison.same(`answer to a file that ${call ?? 'is cut short'}`, verdict(error, file, call), 'refused');
    const result = comparison.result(file);
    yield result.status === 'ok' ? { ...result, detail: `refused (${call ?? 'cut short'})` } : result;
    return;
  }
  if (checkpoint === undefined) throw new Error(error ?? 'not opened');
  await using opened = checkpoint;
  const twin = await describedTwin(directory, file, opened);
  comparison.same('a described checkpoint has the same tensors', twin !== undefined, true);
  const result = comparison.result(file);
  yield result.status === 'ok' ? { ...result, detail: `as ${twin}` } : result;
}

/** 'refused' if the error is one line that names the file and, where it asks for one, the forbidden global. */
function verdict(error: string | undefined, file: string, call: string | undefined): string {
  if (error === undefined) return 'opened';
  const named = error.includes(file.slice(folderOf(file).length));
  const explained = call === undefined || error.includes(`Python global ${call}`);
  return named && explained && !error.includes('\n') ? 'refused' : error;
}

async function tryOpen(
  directory: GoldenDirectory,
  file: string,
): Promise<{ checkpoint?: Checkpoint; error?: string }> {
  try {
    return { checkpoint: await openCheckpoint(directory.absolute(file)) };
  } catch (error) {
    return { error: (error as Error).message };
  }
}

/** `os.system` and its kin, as a pickle spells a global: c, module, line feed, name (or both as short texts). */
function systemCall(text: string): string | undefined {
  const spelled =
    /c(os|posix|nt|subprocess|builtins|__builtin__|sys|shutil)\n(\w+)\n/.exec(text) ??
    /\x8c.(os|posix|nt|subprocess|builtins|sys|shutil)\x94?\x8c.([a-z_]+)\x94?\x93/.exec(text);
  return spelled ? `${spelled[1]}.${spelled[2]}` : undefined;
}

/** A zip file without its end record. */
function isCutShort(bytes: Uint8Array, text: string): boolean {
  return bytes[0] === 0x50 && bytes[1] === 0x4b && !text.slice(-65_557).includes('PK\x05\x06');
}

/** The checkpoint in the same folder with a description, all of whose tensors this one's equal. */
async function describedTwin(
  directory: GoldenDirectory,
  file: string,
  checkpoint: Checkpoint,
): Promise<string | undefined> {
  for (const other of directory.files) {
    const described = other.endsWith('.pt') && directory.has(other.replace(/\.pt$/, '.json'));
    if (!described || folderOf(other) !== folderOf(file)) continue;
    const twin = (await tryOpen(directory, other)).checkpoint;
    if (!twin) continue;
    await using _ = twin;
    if (!includes(twin, checkpoint, { values: false })) continue;
    if (includes(twin, checkpoint, { values: true })) return other;
  }
  return undefined;
}
