import type { Value } from '../graph/graph.ts';
import { attentionBlock } from './attention-block.ts';
import { channelsOf, type DownsamplingPath } from './downsampling-path.ts';
import { headCount, levelChannels, type SuperResolutionOptions, type UNetOptions } from './options.ts';
import { upsample } from './resample.ts';
import { residualBlock } from './residual-block.ts';
import type { Scope } from './scope.ts';

/**
 * The second half of a U-Net: each block takes the answer before it together with that of its input block.
 *
 * @param embedding `[N, E]`
 * @returns `[N, C, H, W]` at the input's size
 */
export function upsamplingPath(
  scope: Scope,
  path: DownsamplingPath,
  embedding: Value,
  options: UNetOptions | SuperResolutionOptions,
): Value {
  const { use_scale_shift_norm: scaleShift, rescale_residual: rescale } = options;
  const order = options.use_new_attention_order ? 'new' : 'legacy';
  const skips = [...path.blocks];
  let { middle: h, factor } = path;
  let index = 0;
  for (const level of [...options.channel_mult.keys()].reverse()) {
    const to = levelChannels(options, level);
    for (let count = 0; count <= options.num_res_blocks; count++) {
      h = scope.within(`output_blocks.${index++}`, (block) => {
        const joined = scope.graph.op('Concat', [h, skips.pop()!], { axis: 1 });
        let out = block.within('0', (layer) =>
          residualBlock(layer, joined, embedding, { from: channelsOf(joined), to, scaleShift, rescale }),
        );
        let layers = 1;
        if (options.attention_resolutions.includes(factor)) {
          const heads = headCount(options, to, options.num_heads_upsample);
          out = block.within(`${layers++}`, (layer) => attentionBlock(layer, out, { heads, order, rescale }));
        }
        if (level === 0 || count < options.num_res_blocks) return out;
        return block.within(`${layers}`, (layer) => {
          if (!options.resblock_updown) return upsample(layer, out, to, options.conv_resample);
          return residualBlock(layer, out, embedding, { from: to, to, scaleShift, rescale, resample: 'up' });
        });
      });
    }
    if (level > 0) factor /= 2;
  }
  return h;
}
