/** The networks that are measured: the released architectures, and one for rehearsals. */
import { loadRecipe, parseRecipe, type Recipe } from '../../onnx/convert/recipe.ts';

export const SIZES = ['toy', '64', '256'] as const;
export type Size = (typeof SIZES)[number];

/** Requests of up to this many images; the reference's own limit is 16 or less. */
export const LARGEST_BATCH = 64;

/** @returns what the size is built from: image-guided by a classifier, both with the released models' flags */
export async function recipeOf(size: Size): Promise<Recipe> {
  const recipe =
    size === 'toy' ? parseRecipe(JSON.stringify(TOY), 'of the toy') : await loadRecipe(`imagenet-${size}`);
  return { ...recipe, id: `bench-${size}`, max_batch_size: LARGEST_BATCH, weights: 'float32', dtype: 'fp32' };
}

const COMMON = {
  image_size: 16,
  in_channels: 3,
  model_channels: 32,
  num_res_blocks: 1,
  attention_resolutions: [2],
  channel_mult: [1, 2],
  num_head_channels: 32,
  use_scale_shift_norm: true,
  resblock_updown: true,
};

/** Everything the released models have, small. */
const TOY = {
  id: 'toy',
  name: 'Toy',
  architecture: {
    diffusion: {
      ...COMMON,
      kind: 'unet',
      out_channels: 6,
      num_classes: 10,
      use_new_attention_order: true,
    },
    classifier: { ...COMMON, kind: 'encoder', out_channels: 10, pool: 'attention' },
  },
  classes: [...'0123456789'],
  diffusion: {
    steps: 1000,
    noise_schedule: 'cosine',
    mean_type: 'epsilon',
    variance_type: 'learned_range',
    rescale_timesteps: false,
  },
  max_batch_size: LARGEST_BATCH,
  defaults: { sampler: 'ddpm', steps: '250', guidance_scale: 1, eta: 0, clip_denoised: true },
};
