/** Checkpoints with random weights, and the model folders converted from them. */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Recipe } from '../../onnx/convert/recipe.ts';
import { convertModel } from '../../onnx/convert.ts';
import { writeRandomCheckpoint } from './random-checkpoint.ts';
import type { Dtype } from './results.ts';
import { recipeOf, type Size } from './sizes.ts';

export interface PreparedSize {
  readonly recipe: Recipe;
  readonly weights: { readonly diffusion: string; readonly classifier: string };
  /** Converts, or takes what was converted before. @returns the model folder, alone in its parent */
  folder(dtype: Dtype): Promise<string>;
  /** Gigabytes come and go with each size. */
  remove(): Promise<void>;
}

export async function prepareSize(size: Size, scratch: string): Promise<PreparedSize> {
  const recipe = await recipeOf(size);
  const root = join(scratch, size);
  await mkdir(root, { recursive: true });
  const weights = {
    diffusion: join(root, 'diffusion.safetensors'),
    classifier: join(root, 'classifier.safetensors'),
  };
  await writeRandomCheckpoint(weights.diffusion, recipe.architecture.diffusion);
  await writeRandomCheckpoint(weights.classifier, recipe.architecture.classifier!);
  const converted = new Map<Dtype, string>();
  return {
    recipe,
    weights,
    async folder(dtype) {
      const out = join(root, dtype, recipe.id);
      if (!converted.has(dtype)) {
        await convertModel({ recipe, dtype, out, ...weights });
        converted.set(dtype, out);
      }
      return out;
    },
    remove: () => rm(root, { recursive: true, force: true }),
  };
}
