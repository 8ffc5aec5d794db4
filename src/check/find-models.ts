/** Where the model folders are. */
import { access, readdir } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * @param folder a model folder, or a folder of model folders
 * @returns paths of the model folders, sorted
 * @throws {Error} if there is none, or the folder can't be read
 */
export async function findModels(folder: string): Promise<string[]> {
  if (await hasManifest(folder)) return [folder];
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    throw new Error(`${folder}: ${error.code === 'ENOENT' ? 'there is no such folder' : error.message}`);
  });
  // Hidden ones are conversions under way.
  const candidates = names.filter((name) => !name.startsWith('.')).sort();
  const models: string[] = [];
  for (const name of candidates) if (await hasManifest(join(folder, name))) models.push(join(folder, name));
  if (models.length === 0)
    throw new Error(`${folder}: neither a model folder (no model.json) nor one of models`);
  return models;
}

function hasManifest(folder: string): Promise<boolean> {
  return access(join(folder, 'model.json')).then(
    () => true,
    () => false,
  );
}
