import type { Value } from '../graph/graph.ts';
import { attentionBlock } from './attention-block.ts';
import { convolution } from './layers.ts';
import { type CommonOptions, headCount, levelChannels } from './options.ts';
import { downsample } from './resample.ts';
import { residualBlock } from './residual-block.ts';
import type { Scope } from './scope.ts';

export interface DownsamplingPath {
  /** The answer of every input block, in order. */
  readonly blocks: readonly Value[];
  /** The middle block's answer. */
  readonly middle: Value;
  /** Downsample factor of the middle. */
  readonly factor: number;
}

export function channelsOf(x: Value): number {
  return x.shape[1] as number;
}

/**
 * The first half of a U-Net and all of an encoder: input blocks level by level, then the middle block.
 *
 * @param x `[N, C, H, W]`
 * @param from channels of x
 * @param embedding `[N, E]`
 */
export function downsamplingPath(
  scope: Scope,
  x: Value,
  embedding: Value,
  options: CommonOptions,
  from: number,
): DownsamplingPath {
  const { use_scale_shift_norm: scaleShift, rescale_residual: rescale } = options;
  const order = options.use_new_attention_order ? 'new' : 'legacy';
  const attend = (block: Scope, name: string, h: Value): Value =>
    block.within(name, (layer) =>
      attentionBlock(layer, h, { heads: headCount(options, channelsOf(h)), order, rescale }),
    );
  const residual = (block: Scope, name: string, h: Value, to: number): Value =>
    block.within(name, (layer) =>
      residualBlock(layer, h, embedding, { from: channelsOf(h), to, scaleShift, rescale }),
    );

  const stem = { from, to: levelChannels(options, 0), kernel: 3 } as const;
  let h = scope.within('input_blocks.0', (block) =>
    convolution(block, '0', scope.graph.cast(x, scope.torso), stem),
  );
  const blocks = [h];
  let factor = 1;
  const add = (build: (block: Scope) => Value): void => {
    h = scope.within(`input_blocks.${blocks.length}`, build);
    blocks.push(h);
  };
  for (const level of options.channel_mult.keys()) {
    for (let count = 0; count < options.num_res_blocks; count++) {
      add((block) => {
        const out = residual(block, '0', h, levelChannels(options, level));
        return options.attention_resolutions.includes(factor) ? attend(block, '1', out) : out;
      });
    }
    if (level === options.channel_mult.length - 1) break;
    add((block) =>
      block.within('0', (layer) => {
        const channels = channelsOf(h);
        if (!options.resblock_updown) return downsample(layer, h, channels, options.conv_resample);
        return residualBlock(layer, h, embedding, {
          from: channels,
          to: channels,
          scaleShift,
          rescale,
          resample: 'down',
        });
      }),
    );
    factor *= 2;
  }
  const middle = scope.within('middle_block', (block) => {
    const first = residual(block, '0', h, channelsOf(h));
    return residual(block, '2', attend(block, '1', first), channelsOf(h));
  });
  return { blocks, middle, factor };
}
