/** model.json, beyond what its schema can say. */
import { readFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { learnsVariance, RespacingError, spaceTimesteps } from '../core/index.ts';
import { diffusionSettingsOf, type ModelManifest, parseManifest } from '../models/manifest.ts';

/** @throws {Error} naming the field that is wrong, or all of them if the schema finds several */
export async function readManifest(folder: string): Promise<ModelManifest> {
  const path = join(folder, 'model.json');
  const manifest = parseManifest(parseJson(await readFile(path, 'utf8'), path), path);
  const problem = inconsistency(manifest, basename(resolve(folder)));
  if (problem !== undefined) throw new Error(`${path}: ${problem}`);
  return manifest;
}

function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`${path} is not JSON: ${(error as Error).message}`, { cause: error });
  }
}

function inconsistency(manifest: ModelManifest, folder: string): string | undefined {
  const { id, image, output_channels, graphs, diffusion, defaults } = manifest;
  if (id !== folder) return `id: "${id}", but the folder is "${folder}"`;
  const settings = diffusionSettingsOf(manifest);
  const channels = image.channels * (learnsVariance(settings) ? 2 : 1);
  if (output_channels !== channels) {
    return `output_channels: ${output_channels}; ${image.channels} image channels and variance_type ${diffusion.variance_type} make ${channels}`;
  }
  if (graphs.classifier !== undefined && graphs.gradient === undefined) {
    return 'graphs.gradient: missing, though there is a classifier; guidance needs its gradient';
  }
  try {
    if (defaults.steps !== '') spaceTimesteps(diffusion.steps, defaults.steps);
  } catch (error) {
    if (error instanceof RespacingError) return `defaults.steps: ${error.message}`;
    throw error;
  }
  return undefined;
}
