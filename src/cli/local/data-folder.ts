/** The folder that keeps everything a local Cairn must not lose. */
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { newToken } from '../../store/keys.ts';
import { CliError } from '../cli-error.ts';

export interface DataFolder {
  readonly path: string;
  /** Durable objects and R2. */
  readonly state: string;
  /** Emptied at every start. */
  readonly scratch: string;
  /** Signs webhooks of jobs without a secret of their own; made once. */
  readonly webhookSecret: string;
  /** Signs links to outputs; made once. */
  readonly urlSigningSecret: string;
  /** API key of the development account; made once. */
  readonly apiKey: string;
  /** From the next opening on this one is the key. */
  replaceApiKey(token: string): void;
  unlock(): void;
}

/**
 * Opens or creates the folder and locks it for this process.
 *
 * @throws {CliError} if another Cairn has it open, or it can't be written
 */
export function openDataFolder(folder: string): DataFolder {
  const path = resolve(folder);
  try {
    mkdirSync(join(path, 'state'), { recursive: true });
  } catch (error) {
    throw new CliError(`can't use ${path} as data folder: ${(error as Error).message}`);
  }
  const unlock = lock(path);
  const scratch = join(path, 'scratch');
  rmSync(scratch, { recursive: true, force: true });
  mkdirSync(scratch);
  return {
    path,
    state: join(path, 'state'),
    scratch,
    webhookSecret: readOnce(path, 'webhook-secret', () => `whsec_${randomBytes(32).toString('base64')}`),
    urlSigningSecret: readOnce(path, 'url-signing-secret', () => randomBytes(32).toString('base64url')),
    apiKey: readOnce(path, 'api-key', newToken),
    replaceApiKey: (token) => writeFileSync(join(path, 'api-key'), `${token}\n`, { mode: 0o600 }),
    unlock,
  };
}

/** SQLite's file lock: the system drops it with the process, so a killed Cairn leaves no stale lock behind. */
function lock(path: string): () => void {
  const database = new DatabaseSync(join(path, 'lock.sqlite'));
  try {
    database.exec('BEGIN EXCLUSIVE');
  } catch {
    database.close();
    throw new CliError(`another Cairn is running with the data folder ${path}`);
  }
  return () => database.close();
}

/** A secret that stays: the first start makes it. */
function readOnce(folder: string, name: string, make: () => string): string {
  const file = join(folder, name);
  try {
    writeFileSync(file, `${make()}\n`, { flag: 'wx', mode: 0o600 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  return readFileSync(file, 'utf8').trim();
}
