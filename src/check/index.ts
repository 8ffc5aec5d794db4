/** `cairn models check`: whether model folders are what their model.json says, and what a step of them costs. */
import { access, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type CheckOptions, checkModel } from './check-model.ts';
import type { ModelReport } from './report.ts';

export type { CheckOptions } from './check-model.ts';
export type { Finding, ModelReport, StepCost } from './report.ts';
export { reportText } from './text.ts';

/**
 * Checks a model folder, or every model folder in a folder, one after another.
 *
 * @throws {Error} if there is none, or the folder can't be read
 */
export async function* checkModels(folder: string, options: CheckOptions = {}): AsyncGenerator<ModelReport> {
  for (const model of await findModels(folder)) yield await checkModel(model, options);
}

async function findModels(folder: string): Promise<string[]> {
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
