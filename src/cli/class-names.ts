/** A file with a class name on each line. */
import { readFile } from 'node:fs/promises';
import { CliError, EXIT_USAGE } from './cli-error.ts';

/** @throws {CliError} if the file can't be read or names nothing */
export async function readClassNames(path: string): Promise<string[]> {
  const text = await readFile(path, 'utf8').catch((error: Error) => {
    throw new CliError(`--classes: ${error.message}`, EXIT_USAGE, { cause: error });
  });
  const names = text
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean);
  if (names.length === 0) throw new CliError(`--classes: ${path} has no names in it`, EXIT_USAGE);
  return names;
}
