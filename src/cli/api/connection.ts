/** Where the API is, and the key for it. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** What `npm start` listens on. */
export const DEFAULT_API = 'http://127.0.0.1:8787';

/** Where `npm start` keeps its state by default. */
const DATA_FOLDER = '.cairn';

/** The development key of a Cairn on this machine, if its data folder is in the current one. */
export async function findKey(api: string): Promise<string | undefined> {
  const { hostname } = new URL(api);
  if (!/^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(hostname)) return undefined;
  const key = await readFile(join(DATA_FOLDER, 'api-key'), 'utf8').catch(() => '');
  return key.trim() || undefined;
}
