/** The models this deployment offers. */
import { installed } from './installed.ts';
import { type ModelManifest, parseManifest, whyNotOffered } from './manifest.ts';

const models = new Map<string, ModelManifest>();
for (const json of installed) offerModel(json, 'models');

/**
 * Offers one more than are installed, which a Worker around this one may bring along.
 *
 * @param json the content of its model.json
 * @param source where it came from, for the message
 * @throws {Error} if it is not valid
 */
export function offerModel(json: unknown, source: string): void {
  const manifest = parseManifest(json, source);
  models.set(manifest.id, manifest);
}

/** @returns null for an id this deployment does not know, or does not offer */
export function findModel(id: string): ModelManifest | null {
  const manifest = models.get(id);
  return manifest === undefined || whyNotOffered(manifest) !== undefined ? null : manifest;
}

export function listModels(): ModelManifest[] {
  return [...models.values()].filter((manifest) => whyNotOffered(manifest) === undefined);
}

/** Why {@link findModel} has nothing under this id, for the client. */
export function missingModel(id: string): string {
  const manifest = models.get(id);
  const reason = manifest && whyNotOffered(manifest);
  const known = listModels().map((model) => model.id);
  return `${reason ?? `no model ${JSON.stringify(id)}`}; there is ${known.join(', ') || 'none'}`;
}
