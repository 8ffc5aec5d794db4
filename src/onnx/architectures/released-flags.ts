/** From the flags of the reference's scripts, as the released models list them, to our options. */
import type { ArchitectureOptions } from './options.ts';
import { optionsFromReference } from './reference-options.ts';

/** `channel_mult` by image size, where the flag is left empty. */
const CHANNEL_MULT: Readonly<Record<number, readonly number[]>> = {
  512: [0.5, 1, 1, 2, 2, 4, 4],
  256: [1, 1, 2, 2, 4, 4],
  128: [1, 1, 2, 3, 4],
  64: [1, 2, 3, 4],
};

/** The scripts make networks of color images. */
const CHANNELS = 3;
const IMAGENET_CLASSES = 1000;
/** Of every classifier that the scripts make. */
const CLASSIFIER_HEAD_CHANNELS = 64;

/**
 * @param kind `UNetModel`, `SuperResModel` or `EncoderUNetModel`
 * @param flags of the reference's scripts; a classifier's may start with `classifier_`
 * @throws {Error} if a flag is missing or makes no network
 */
export function optionsFromFlags(
  kind: string,
  flags: Readonly<Record<string, unknown>>,
): ArchitectureOptions {
  const flag = (...names: string[]) => names.map((name) => flags[name]).find((value) => value !== undefined);
  const size = Number(flag('image_size', 'large_size'));
  const common = {
    image_size: size,
    in_channels: CHANNELS,
    attention_resolutions: String(flag('attention_resolutions', 'classifier_attention_resolutions'))
      .split(',')
      .map((resolution) => Math.trunc(size / Number(resolution))),
    channel_mult: channelMult(flag('channel_mult'), kind === 'SuperResModel' && size === 512 ? 256 : size),
  };
  if (kind === 'EncoderUNetModel') {
    return optionsFromReference(kind, {
      ...common,
      model_channels: flag('classifier_width'),
      num_res_blocks: flag('classifier_depth'),
      out_channels: IMAGENET_CLASSES,
      num_head_channels: CLASSIFIER_HEAD_CHANNELS,
      use_scale_shift_norm: flag('classifier_use_scale_shift_norm'),
      resblock_updown: flag('classifier_resblock_updown'),
      pool: flag('classifier_pool'),
    });
  }
  return optionsFromReference(kind, {
    ...common,
    model_channels: flag('num_channels'),
    num_res_blocks: flag('num_res_blocks'),
    out_channels: flag('learn_sigma') ? 2 * CHANNELS : CHANNELS,
    num_classes: flag('class_cond') ? IMAGENET_CLASSES : null,
    num_heads: flag('num_heads'),
    num_head_channels: flag('num_head_channels'),
    num_heads_upsample: flag('num_heads_upsample'),
    use_scale_shift_norm: flag('use_scale_shift_norm'),
    resblock_updown: flag('resblock_updown'),
    use_new_attention_order: flag('use_new_attention_order'),
  });
}

function channelMult(flag: unknown, size: number): readonly number[] {
  if (typeof flag === 'string' && flag !== '') return flag.split(',').map(Number);
  const multipliers = CHANNEL_MULT[size];
  if (multipliers) return multipliers;
  throw new Error(
    `image size ${size} needs channel_mult; it is known for ${Object.keys(CHANNEL_MULT).join(', ')}`,
  );
}
