/** What the names and shapes of a state dict say about the architecture they belong to. */
import type { ArchitectureOptions, EncoderOptions } from './options.ts';
import type { WeightSource } from './weights.ts';

/** Options as far as they are determined. */
export interface InferredOptions {
  readonly options: Partial<Omit<UnionOf<ArchitectureOptions>, 'kind'>> & Pick<ArchitectureOptions, 'kind'>;
  /**
   * Options that leave no trace in names and shapes and have to be given: heads, their order, the image
   * size (unless an attention pool shows it);
   * `kind` if a U-Net of 2C channels could be a super-resolution model of C.
   */
  readonly undetermined: readonly string[];
}

type UnionOf<T> = T extends unknown ? T & { pool?: EncoderOptions['pool']; num_classes?: number } : never;

/**
 * What kinds of networks the options fit. A super-resolution model takes the image and a small one side by side: twice
 * the channels that it answers, or as many if it answers the variance as well.
 */
export function kindsOf({ options, undetermined }: InferredOptions): ArchitectureOptions['kind'][] {
  const { kind, in_channels: input = 0, out_channels: output = 0 } = options;
  if (!undetermined.includes('kind') || kind !== 'unet') return [kind];
  if (input % 2 === 1 || output === 2 * input) return ['unet'];
  if (output === input / 2) return ['super_resolution'];
  return ['super_resolution', 'unet'];
}

/** One input block, as its weights show it. */
interface Block {
  readonly kind: 'residual' | 'convolution' | 'fixed';
  readonly from: number;
  readonly to: number;
  readonly attention: boolean;
}

/** How the input blocks are divided into levels. */
interface Levels {
  readonly count: number;
  readonly perLevel: number;
  readonly residualResampling: boolean;
}

/**
 * @throws {Error} if the names are not those of a network of the reference, or fit more than one division into levels
 */
export function inferOptions(source: WeightSource): InferredOptions {
  const shapes = new Map([...source.tensors].map(([name, { shape }]) => [name, shape]));
  const dimension = (name: string, axis: number): number => {
    const size = shapes.get(name)?.[axis];
    if (size === undefined) throw new Error(`not a network of guided diffusion: it has no ${name}`);
    return size;
  };
  const modelChannels = dimension('time_embed.0.weight', 1);
  const stem = dimension('input_blocks.0.0.weight', 0);
  const blocks = inputBlocks(shapes, stem);
  const levels = divide(blocks);
  const starts = Array.from({ length: levels.count }, (_, level) => level * (levels.perLevel + 1));
  const attended = starts.flatMap((start, level) =>
    blocks.slice(start, start + levels.perLevel).some(({ attention }) => attention) ? [2 ** level] : [],
  );
  const hidden = dimension('input_blocks.1.0.out_layers.0.weight', 0);
  const pool = poolOf(shapes);
  const decodes = shapes.has('output_blocks.0.0.in_layers.0.weight');
  const classes = shapes.get('label_emb.weight')?.[0];
  const imageSize = decodes ? undefined : pooledImageSize(shapes, levels.count);
  const resampled = blocks.find(({ kind }) => kind !== 'residual');
  return {
    options: {
      kind: decodes ? 'unet' : 'encoder',
      in_channels: dimension('input_blocks.0.0.weight', 1),
      model_channels: modelChannels,
      out_channels: decodes ? dimension('out.2.bias', 0) : dimension(pool.output, 0),
      num_res_blocks: levels.perLevel,
      attention_resolutions: attended,
      channel_mult: starts.map((start) => blocks[start]!.to / modelChannels),
      use_scale_shift_norm: dimension('input_blocks.1.0.emb_layers.1.weight', 0) === 2 * hidden,
      resblock_updown: levels.residualResampling,
      ...(resampled && { conv_resample: resampled.kind === 'convolution' }),
      ...(decodes ? {} : { pool: pool.name }),
      ...(imageSize === undefined ? {} : { image_size: imageSize }),
      ...(classes === undefined ? {} : { num_classes: classes }),
    },
    undetermined: [
      ...(decodes ? ['kind'] : []),
      ...(imageSize === undefined ? ['image_size'] : []),
      'num_heads or num_head_channels',
      'use_new_attention_order',
    ],
  };
}

/** Input blocks after the first; a fixed resampling has no weights and shows as a gap. */
function inputBlocks(shapes: ReadonlyMap<string, readonly number[]>, stem: number): Block[] {
  const indices = [...shapes.keys()].flatMap((name) => /^input_blocks\.(\d+)\./.exec(name)?.[1] ?? []);
  const last = Math.max(...indices.map(Number));
  let channels = stem;
  return Array.from({ length: last }, (_, offset) => {
    const prefix = `input_blocks.${offset + 1}`;
    const residual = shapes.get(`${prefix}.0.out_layers.3.weight`);
    const from = channels;
    channels = residual?.[0] ?? channels;
    const convolution = shapes.has(`${prefix}.0.op.weight`);
    return {
      kind: residual ? 'residual' : convolution ? 'convolution' : 'fixed',
      from,
      to: channels,
      attention: shapes.has(`${prefix}.1.qkv.weight`),
    };
  });
}

/** Levels are `perLevel` residual blocks of one width, with a resampling of unchanged width between them. */
function divide(blocks: readonly Block[]): Levels {
  const total = blocks.length + 1;
  const fitting = Array.from({ length: total }, (_, index) => index + 1).flatMap((count): Levels[] => {
    const perLevel = total / count - 1;
    if (!Number.isInteger(perLevel) || perLevel < 1) return [];
    const resamplings = blocks.filter((_, index) => index % (perLevel + 1) === perLevel);
    const regular = blocks.every((block, index) => {
      const place = index % (perLevel + 1);
      if (place === perLevel) return block.from === block.to && !block.attention;
      const start = blocks[index - place]!;
      return block.kind === 'residual' && block.to === start.to && block.attention === start.attention;
    });
    const uniform = new Set(resamplings.map(({ kind }) => kind)).size <= 1;
    return regular && uniform
      ? [{ count, perLevel, residualResampling: resamplings[0]?.kind === 'residual' }]
      : [];
  });
  const [only] = fitting;
  if (fitting.length === 1 && only) return only;
  const found =
    fitting.map(({ count, perLevel }) => `${count} levels of ${perLevel}`).join(', ') || 'no division';
  throw new Error(
    `${blocks.length} input blocks do not determine num_res_blocks and channel_mult: ${found} fits`,
  );
}

/** An attention pool has a position for each pixel of the last level, and one for their mean. */
function pooledImageSize(shapes: ReadonlyMap<string, readonly number[]>, levels: number): number | undefined {
  const positions = shapes.get('out.2.positional_embedding')?.[1];
  return positions === undefined ? undefined : Math.sqrt(positions - 1) * 2 ** (levels - 1);
}

/** The encoder's pool, and the name of the weight that gives its outputs. */
function poolOf(shapes: ReadonlyMap<string, readonly number[]>): {
  name: EncoderOptions['pool'];
  output: string;
} {
  if (shapes.has('out.2.positional_embedding')) return { name: 'attention', output: 'out.2.c_proj.weight' };
  if (shapes.get('out.0.weight')?.length === 2) {
    return shapes.has('out.3.weight')
      ? { name: 'spatial_v2', output: 'out.3.weight' }
      : { name: 'spatial', output: 'out.2.weight' };
  }
  return { name: 'adaptive', output: 'out.3.weight' };
}
