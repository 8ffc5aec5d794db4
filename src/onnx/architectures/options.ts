/**
 * Options of the reference's networks (openai/guided-diffusion, unet.py), under its constructors' names, so that
 * a released model's flags can be copied. The schema is also what a conversion recipe may say.
 */
import { z } from 'zod';

const size = z.int().positive();

const common = {
  /** Height and width of the images. */
  image_size: size,
  /** Channels of the images. */
  in_channels: size,
  /** Channels that `channel_mult` multiplies. */
  model_channels: size,
  /** Channels of the answer; an encoder's classes. */
  out_channels: size,
  /** Residual blocks per level. */
  num_res_blocks: size,
  /** Downsample factors (not resolutions) at which blocks are followed by attention. */
  attention_resolutions: z.array(size),
  /** Width of each level; fractions are allowed. */
  channel_mult: z.array(z.number().positive()).min(1),
  /** Whether resampling without residual blocks is learned (a convolution) or fixed (pooling, nearest). */
  conv_resample: z.boolean().default(true),
  num_heads: size.default(1),
  /** Channels of one attention head; if given, `num_heads` is ignored. */
  num_head_channels: size.optional(),
  /** Timestep conditioning as norm(h) * (1 + scale) + shift instead of h + embedding. */
  use_scale_shift_norm: z.boolean().default(false),
  /** Residual blocks resample between levels. */
  resblock_updown: z.boolean().default(false),
  /** Sums of residual connections are divided by sqrt(2) (Dhariwal and Nichol 2021, section 3). */
  rescale_residual: z.boolean().default(false),
  /** Whether q, k and v are split before the heads (new) or within each head (legacy): the layout of the weights. */
  use_new_attention_order: z.boolean().default(false),
};

const decoder = {
  /** Attention heads of the upsampling half; `num_heads` if not given. */
  num_heads_upsample: size.optional(),
  /** Class-conditional: how many classes `label` chooses from. */
  num_classes: size.optional(),
};

export const unetOptions = z.strictObject({ kind: z.literal('unet'), ...common, ...decoder });

/** A U-Net that also takes `low_res`, a smaller version of the image. */
export const superResolutionOptions = z.strictObject({
  kind: z.literal('super_resolution'),
  ...common,
  ...decoder,
});

/** The downsampling half of a U-Net with a pool on top: a noisy classifier. */
export const encoderOptions = z.strictObject({
  kind: z.literal('encoder'),
  ...common,
  pool: z.enum(['adaptive', 'attention', 'spatial', 'spatial_v2']).default('adaptive'),
});

export const architectureOptions = z.discriminatedUnion('kind', [
  unetOptions,
  superResolutionOptions,
  encoderOptions,
]);

export type UNetOptions = z.infer<typeof unetOptions>;
export type SuperResolutionOptions = z.infer<typeof superResolutionOptions>;
export type EncoderOptions = z.infer<typeof encoderOptions>;
export type ArchitectureOptions = z.infer<typeof architectureOptions>;
/** What every network has: all that its downsampling half needs. */
export type CommonOptions = Omit<ArchitectureOptions, 'kind'>;

/** Heads of an attention block over `channels`. @throws {Error} if they do not divide the channels */
export function headCount(options: CommonOptions, channels: number, numHeads = options.num_heads): number {
  const heads = options.num_head_channels === undefined ? numHeads : channels / options.num_head_channels;
  if (!Number.isInteger(heads) || channels % heads !== 0) {
    const wanted =
      options.num_head_channels === undefined
        ? `${numHeads} heads (num_heads)`
        : `heads of ${options.num_head_channels} channels (num_head_channels)`;
    throw new Error(`${channels} channels can't be divided into ${wanted}`);
  }
  return heads;
}

/** Channels of a level, rounded as the reference does. */
export function levelChannels(options: CommonOptions, level: number): number {
  return Math.trunc(options.channel_mult[level]! * options.model_channels);
}
