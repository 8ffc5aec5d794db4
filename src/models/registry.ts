/** The models this deployment offers. */
import { installed } from './installed.ts';
import { type ModelManifest, parseManifest } from './manifest.ts';

const models: ReadonlyMap<string, ModelManifest> = new Map(
  installed.map((json) => {
    const manifest = parseManifest(json, 'models');
    return [manifest.id, manifest];
  }),
);

/** @returns null for an id this deployment does not know */
export function findModel(id: string): ModelManifest | null {
  return models.get(id) ?? null;
}

export function listModels(): ModelManifest[] {
  return [...models.values()];
}
