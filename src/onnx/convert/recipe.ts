/** A conversion recipe: everything about a model that its weights do not say. */
import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { modelManifest } from '../../models/manifest.ts';
import { encoderOptions, superResolutionOptions, unetOptions } from '../architectures/options.ts';
import imagenetClasses from '../recipes/classes/imagenet-1000.json' with { type: 'json' };

const { id, name, description, low_res, classes, diffusion, max_batch_size, defaults } = modelManifest.shape;

export const recipeSchema = z
  .strictObject({
    id,
    name,
    description,
    architecture: z.strictObject({
      diffusion: z.discriminatedUnion('kind', [unetOptions, superResolutionOptions]),
      classifier: encoderOptions.optional(),
    }),
    low_res,
    classes,
    diffusion,
    max_batch_size,
    defaults,
    /** How the weights are stored; this alone leaves the arithmetic in float32. */
    weights: z.enum(['float32', 'float16']).default('float32'),
    /** What the torso of the networks computes in; in half precision its weights are stored so too. */
    dtype: z.enum(['fp32', 'fp16']).default('fp32'),
  })
  .superRefine((recipe, context) => {
    const { diffusion: unet, classifier } = recipe.architecture;
    const problem = (path: string[], message: string) => context.addIssue({ code: 'custom', path, message });
    if ((unet.kind === 'super_resolution') !== (recipe.low_res !== undefined)) {
      problem(['low_res'], 'expected for a super-resolution model, and for no other');
    }
    const learned = recipe.diffusion.variance_type.startsWith('learned');
    const outputs = unet.in_channels * (learned ? 2 : 1);
    if (unet.out_channels !== outputs) {
      problem(
        ['architecture', 'diffusion', 'out_channels'],
        `variance_type ${recipe.diffusion.variance_type} on ${unet.in_channels} channels needs ${outputs}`,
      );
    }
    const halvings = unet.channel_mult.length - 1;
    if (unet.image_size % 2 ** halvings !== 0) {
      problem(
        ['architecture', 'diffusion', 'image_size'],
        `${unet.image_size} pixels can't be halved ${halvings} times`,
      );
    }
    const classCount = classifier?.out_channels ?? unet.num_classes;
    if (classCount !== undefined && classCount !== recipe.classes.length) {
      problem(['classes'], `${recipe.classes.length} names for ${classCount} classes`);
    }
    if (classifier && classifier.in_channels !== unet.in_channels) {
      problem(
        ['architecture', 'classifier', 'in_channels'],
        `expected ${unet.in_channels}, as the diffusion model`,
      );
    }
    if (classifier && classifier.image_size !== unet.image_size) {
      problem(
        ['architecture', 'classifier', 'image_size'],
        `expected ${unet.image_size}, as the diffusion model`,
      );
    }
  });

export type Recipe = z.infer<typeof recipeSchema>;

/**
 * Reads a recipe: the name of one that comes with Cairn (`mnist-32`), or the path of a JSON file.
 *
 * @throws {Error} one line that names every bad field
 */
export async function loadRecipe(nameOrPath: string): Promise<Recipe> {
  const builtIn = /^[\w-]+$/.test(nameOrPath);
  const path = builtIn
    ? fileURLToPath(new URL(`../recipes/${nameOrPath}.json`, import.meta.url))
    : nameOrPath;
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    const what = builtIn ? `no recipe is called ${nameOrPath}` : `recipe ${nameOrPath} can't be read`;
    const names = (await recipeNames()).join(', ');
    throw new Error(`${what} (expected the path of a .json file, or one of ${names})`, { cause: error });
  }
  return parseRecipe(text, nameOrPath);
}

/**
 * The recipe for the same diffusion model with a classifier that the recipe does not describe.
 *
 * @param classes what that classifier tells apart, if not what the recipe names
 * @throws {Error} if the diffusion model takes one of another number of labels
 */
export function withOwnClassifier(recipe: Recipe, classes: readonly string[] = recipe.classes): Recipe {
  const { classifier, ...architecture } = recipe.architecture;
  const labels = architecture.diffusion.num_classes;
  if (labels !== undefined && labels !== classes.length) {
    throw new Error(`${classes.length} class names; ${recipe.id} takes one of ${labels} labels itself`);
  }
  const { guidance_scale: scale } = recipe.defaults;
  const guidance_scale = classifier === undefined && scale === 0 ? 1 : scale;
  return { ...recipe, architecture, classes: [...classes], defaults: { ...recipe.defaults, guidance_scale } };
}

/** Names of the recipes that come with Cairn. */
export async function recipeNames(): Promise<string[]> {
  const files = await readdir(new URL('../recipes/', import.meta.url));
  return files.flatMap((file) => /^(.+)\.json$/.exec(file)?.[1] ?? []).sort();
}

/** @param source where the text came from, for the message */
export function parseRecipe(text: string, source: string): Recipe {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new Error(`recipe ${source} is not JSON: ${(error as Error).message}`, { cause: error });
  }
  const result = recipeSchema.safeParse(withClassNames(json));
  if (result.success) return result.data;
  const problems = result.error.issues.map(
    ({ path, message }) => `${path.join('.') || '(top level)'}: ${message}`,
  );
  throw new Error(`recipe ${source} is not valid: ${problems.join('; ')}`);
}

/** Lists of class names that recipes share: `"classes": "imagenet-1000"`. */
function withClassNames(json: unknown): unknown {
  if (typeof json !== 'object' || json === null || !('classes' in json)) return json;
  return json.classes === 'imagenet-1000' ? { ...json, classes: imagenetClasses } : json;
}
