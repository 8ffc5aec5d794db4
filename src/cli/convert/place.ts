/** Where a converted model goes. A model folder is called as its model: servers, exports and the Worker look for that. */
import { readdir } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { modelManifest } from '../../models/manifest.ts';
import { CliError, EXIT_USAGE } from '../cli-error.ts';

export interface PlaceFlags {
  readonly out?: string;
  readonly id?: string;
}

/**
 * @returns the model's id as far as the flags say it
 * @throws {CliError} if they contradict each other, or say none that a model may have
 */
export function idFromFlags({ out, id }: PlaceFlags): string | undefined {
  const folder = out === undefined ? undefined : basename(resolve(out));
  if (id !== undefined && folder !== undefined && id !== folder) {
    throw new CliError(
      `--id ${id} and --out ${out} do not go together: a model folder is called as its model`,
      EXIT_USAGE,
    );
  }
  const found = id ?? folder;
  if (found === undefined) return undefined;
  const problem = modelManifest.shape.id.safeParse(found).error?.issues[0]?.message;
  if (problem === undefined) return found;
  const why = id === undefined ? `--out ${out}: a model folder is called as its model, and` : '--id:';
  throw new CliError(`${why} "${found}" is no id; ${problem}`, EXIT_USAGE);
}

/** @throws {CliError} if something is there that is no model: a model takes the place of the whole folder */
export async function refuseOtherContent(out: string): Promise<void> {
  const entries = await readdir(out).catch((error: NodeJS.ErrnoException): string[] => {
    if (error.code === 'ENOENT') return [];
    if (error.code === 'ENOTDIR') throw new CliError(`${out} is a file, and a model is a folder`, EXIT_USAGE);
    throw new CliError(error.message, undefined, { cause: error });
  });
  if (entries.length === 0 || entries.includes('model.json')) return;
  throw new CliError(
    `${out} is not replaced: it holds ${entries.sort()[0]} and no model.json, so it is no model folder`,
    EXIT_USAGE,
  );
}
