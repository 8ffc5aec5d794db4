/** The Worker's list of models, written from the folder models/: a bundle can import files, but not look for them. */
import { readFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { type ModelManifest, whyNotOffered } from '../models/manifest.ts';
import { findModelFolders, readManifest } from '../server/model-folder.ts';
import { projectRoot } from './local/project.ts';
import { writeAtomically } from './write-atomically.ts';

const LIST = 'src/models/installed.ts';

/** Whether this is a folder that {@link registerModels} would find. */
export function isInstalledFolder(folder: string, root = projectRoot): boolean {
  return dirname(resolve(folder)) === join(root, 'models') && !basename(folder).startsWith('.');
}

/** What the Worker makes of the folder. */
export interface Registered {
  /** Ids of the models that it offers, sorted. */
  readonly offered: readonly string[];
  /** Of the others, why not. */
  readonly reasons: readonly string[];
}

/**
 * Writes the list anew if it has changed.
 *
 * @throws {Error} for a model.json that is not valid, or is not in the folder of its id; the list stays as it was
 */
export async function registerModels(root = projectRoot): Promise<Registered> {
  const models = await readModels(join(root, 'models'));
  const text = listOf(models.map(({ id }) => id));
  const path = join(root, LIST);
  if ((await readFile(path, 'utf8').catch(() => null)) !== text)
    await writeAtomically(path, new TextEncoder().encode(text));
  const offered = models.filter((model) => whyNotOffered(model) === undefined).map(({ id }) => id);
  return { offered, reasons: models.flatMap((model) => whyNotOffered(model) ?? []) };
}

async function readModels(folder: string): Promise<ModelManifest[]> {
  const manifests: ModelManifest[] = [];
  for (const model of await findModelFolders(folder)) manifests.push(await readManifest(model));
  return manifests;
}

function listOf(ids: readonly string[]): string {
  const nameOf = (id: string) => `${/^\d/.test(id) ? '_' : ''}${id.replaceAll('-', '_')}`;
  const imports = ids.map(
    (id) => `import ${nameOf(id)} from '../../models/${id}/model.json' with { type: 'json' };\n`,
  );
  return `/** Written by \`cairn models register\` from the folder models/; not for editing. */
${imports.join('')}
/** What the Worker offers: the model.json of each folder. */
export const installed: readonly unknown[] = [${ids.map(nameOf).join(', ')}];
`;
}
