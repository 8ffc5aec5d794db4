/** A recipe for a model that has none: what names and shapes say, and what its owner has to say. */
import { basename } from 'node:path';
import { inferOptions, kindsOf } from '../architectures/infer-options.ts';
import { openCheckpoint } from '../checkpoint/checkpoint.ts';
import { type OwnClassifier, outlineOf } from './own-classifier.ts';
import { parseRecipe, type Recipe } from './recipe.ts';

/** A checkpoint file, and where in it the state dict is. */
export interface CheckpointFile {
  readonly path: string;
  readonly key?: string | undefined;
}

/** What leaves no trace in names and shapes. */
export interface NetworkFacts {
  /** Heads of every attention block, or ... */
  readonly numHeads?: number | undefined;
  /** ... channels of each head. */
  readonly numHeadChannels?: number | undefined;
  /** Heads of the upsampling half; `numHeads` if not given. */
  readonly numHeadsUpsample?: number | undefined;
  /** Whether q, k and v are split within each head or before the heads. */
  readonly attentionOrder?: 'legacy' | 'new' | undefined;
}

export interface ModelFacts {
  readonly diffusion: NetworkFacts;
  readonly classifier: NetworkFacts;
  readonly id?: string | undefined;
  /** Height and width of the images. */
  readonly imageSize?: number | undefined;
  /** Height and width of the image that an upsampling model enlarges; 0 for a model that is none. */
  readonly lowResSize?: number | undefined;
  readonly noiseSchedule?: 'linear' | 'cosine' | undefined;
  /** T of the trained process; 1000 if not given. */
  readonly diffusionSteps?: number | undefined;
  /** Whether the model predicts x_0; epsilon if not given. */
  readonly predictsXstart?: boolean | undefined;
  /** Whether it was trained on t * 1000 / T; on t if not given. */
  readonly rescaleTimesteps?: boolean | undefined;
  /** Names in the order of the classes; `class 0`, `class 1`, ... if not given. */
  readonly classes?: readonly string[] | undefined;
}

/** Facts that have to be given; the message says how the command takes each. */
export class MissingFactsError extends Error {
  override readonly name = 'MissingFactsError';
}

const FLAGS = {
  imageSize: '--image-size <pixels>',
  lowResSize: '--low-res-size <pixels>',
  noiseSchedule: '--noise-schedule <linear|cosine>',
  heads: (prefix: string) => `--${prefix}num-heads <n> or --${prefix}num-head-channels <n>`,
  headChannels: (prefix: string) => `--${prefix}num-head-channels <n>`,
  attentionOrder: (prefix: string) => `--${prefix}attention-order <legacy|new>`,
} as const;

/**
 * @param ownClassifier in ONNX form, instead of a checkpoint
 * @throws {MissingFactsError} naming every flag that is needed, if one is not given
 * @throws {CheckpointError} if a checkpoint can't be read
 * @throws {Error} if names and shapes are not those of a network of the reference
 */
export async function inferRecipe(
  diffusion: CheckpointFile,
  classifier: CheckpointFile | undefined,
  facts: ModelFacts,
  ownClassifier?: OwnClassifier,
): Promise<Recipe> {
  const { options: unet, kinds } = await optionsOf(diffusion, 'unet');
  const encoder = classifier && (await optionsOf(classifier, 'encoder')).options;
  const outline = ownClassifier && outlineOf(ownClassifier);
  const imageSize = facts.imageSize ?? encoder?.image_size ?? outline?.imageSize;
  const missing = [
    ...(imageSize === undefined ? [FLAGS.imageSize] : []),
    ...(facts.lowResSize === undefined ? missingLowRes(kinds) : []),
    ...missingOf(facts.diffusion, ''),
    ...(encoder ? missingOf(facts.classifier, 'classifier-', encoder.pool === 'attention') : []),
    ...(facts.noiseSchedule === undefined ? [FLAGS.noiseSchedule] : []),
  ];
  if (missing.length > 0) {
    throw new MissingFactsError(
      `names and shapes do not say all of ${basename(diffusion.path)}; give ${missing.join(', ')}, or a --preset`,
    );
  }
  const upsampling = facts.lowResSize !== undefined && facts.lowResSize > 0;
  const kind = upsampling ? 'super_resolution' : 'unet';
  if (!kinds.includes(kind)) {
    const found = upsampling ? 'takes no second image' : 'takes a small image to enlarge';
    throw new Error(
      `${diffusion.path} ${found} (${unet.in_channels} channels in, ${unet.out_channels} out), but --low-res-size is ${facts.lowResSize}`,
    );
  }
  const channels = upsampling ? unet.in_channels! / 2 : unet.in_channels!;
  const classCount = encoder?.out_channels ?? unet.num_classes ?? outline?.classes ?? 1;
  const steps = facts.diffusionSteps ?? 1000;
  const id = facts.id ?? idFrom(diffusion.path);
  const recipe = {
    id,
    name: id,
    architecture: {
      diffusion: {
        ...unet,
        ...networkOptions(facts.diffusion),
        kind,
        in_channels: channels,
        image_size: imageSize,
      },
      ...(encoder && {
        classifier: { ...encoder, ...networkOptions(facts.classifier), image_size: imageSize },
      }),
    },
    ...(upsampling && { low_res: { height: facts.lowResSize, width: facts.lowResSize } }),
    classes: facts.classes ?? Array.from({ length: classCount }, (_, index) => `class ${index}`),
    diffusion: {
      steps,
      noise_schedule: facts.noiseSchedule,
      mean_type: facts.predictsXstart ? 'x_start' : 'epsilon',
      variance_type: unet.out_channels === 2 * channels ? 'learned_range' : 'fixed_large',
      rescale_timesteps: facts.rescaleTimesteps ?? false,
    },
    max_batch_size: 4,
    defaults: {
      sampler: 'ddpm',
      steps: steps > 250 ? '250' : '',
      guidance_scale: encoder || ownClassifier ? 1 : 0,
      eta: 0,
      clip_denoised: true,
    },
  };
  return parseRecipe(JSON.stringify(recipe), `of ${basename(diffusion.path)}`);
}

async function optionsOf({ path, key }: CheckpointFile, kind: 'unet' | 'encoder') {
  await using checkpoint = await openCheckpoint(path, key === undefined ? {} : { key });
  try {
    const inferred = inferOptions(checkpoint);
    if (inferred.options.kind === kind) return { options: inferred.options, kinds: kindsOf(inferred) };
  } catch (error) {
    throw new Error(`${path}: ${(error as Error).message}`, { cause: error });
  }
  const found = {
    unet: 'a classifier, and a diffusion model',
    encoder: 'a diffusion model, and a classifier',
  }[kind];
  throw new Error(`${path} holds ${found} is expected`);
}

function missingLowRes(kinds: ReturnType<typeof kindsOf>): string[] {
  if (!kinds.includes('super_resolution')) return [];
  return [kinds.length === 1 ? FLAGS.lowResSize : `${FLAGS.lowResSize} (0 if it enlarges no image)`];
}

/** @param headChannels whether the number of heads alone does not do, as in an attention pool */
function missingOf(facts: NetworkFacts, prefix: string, headChannels = false): string[] {
  const counted = facts.numHeadChannels !== undefined || (!headChannels && facts.numHeads !== undefined);
  return [
    ...(counted ? [] : [headChannels ? FLAGS.headChannels(prefix) : FLAGS.heads(prefix)]),
    ...(facts.attentionOrder === undefined ? [FLAGS.attentionOrder(prefix)] : []),
  ];
}

function networkOptions({ numHeads, numHeadChannels, numHeadsUpsample, attentionOrder }: NetworkFacts) {
  return {
    ...(numHeads !== undefined && { num_heads: numHeads }),
    ...(numHeadChannels !== undefined && { num_head_channels: numHeadChannels }),
    ...(numHeadsUpsample !== undefined && { num_heads_upsample: numHeadsUpsample }),
    use_new_attention_order: attentionOrder === 'new',
  };
}

/** A file name as an id: `64x64_diffusion.pt` gives `64x64-diffusion`. */
function idFrom(path: string): string {
  const stem = basename(path).replace(/\.\w+$/, '');
  return (
    stem
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, '-')
      .replace(/^-+|-+$/g, '')
      .slice(0, 63) || 'model'
  );
}
