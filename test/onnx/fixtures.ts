/** Golden files of the ONNX tests. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import type { ArchitectureOptions } from '../../src/onnx/architectures/options.ts';
import { optionsFromReference } from '../../src/onnx/architectures/reference-options.ts';
import type { WeightSource } from '../../src/onnx/architectures/weights.ts';
import { Npz } from '../../src/verify/npz.ts';

export const FIXTURES: string = fileURLToPath(new URL('../fixtures/onnx', import.meta.url));

export const checkpointPath = (name: string): string => `${FIXTURES}/checkpoints/${name}`;

export function readNpz(name: string): Npz {
  const path = `${FIXTURES}/${name}`;
  return new Npz(readFileSync(path), path);
}

/** Class and constructor arguments of the golden checkpoints. */
export const constructors: Readonly<
  Record<string, { class: string; constructor_arguments: Record<string, unknown> }>
> = JSON.parse(readFileSync(checkpointPath('constructors.json'), 'utf8'));

export interface OfficialModel {
  readonly name: string;
  readonly kind: string;
  readonly flags: Readonly<Record<string, never>>;
  readonly state_dict: Readonly<Record<string, number[]>>;
}

/** Names and shapes of the released checkpoints. */
const official: Readonly<Record<string, Omit<OfficialModel, 'name'>>> = JSON.parse(
  gunzipSync(readFileSync(`${FIXTURES}/official_models.json.gz`)).toString(),
);
export const officialModels: readonly OfficialModel[] = Object.entries(official).map(([name, model]) => ({
  name,
  ...model,
}));

/** Largest absolute difference. */
export function largestError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) return Number.POSITIVE_INFINITY;
  let largest = 0;
  for (let i = 0; i < expected.length; i++) {
    const error = Math.abs(actual[i]! - expected[i]!);
    if (!(error <= largest)) largest = error;
  }
  return largest;
}

/** A checkpoint without values. */
export function shapesOnly({ state_dict }: OfficialModel): WeightSource {
  const entries = Object.entries(state_dict).map(
    ([name, shape]) => [name, { shape, read: () => new Float32Array() }] as const,
  );
  return { tensors: new Map(entries) };
}

/** The reference's scripts turn flags into constructor arguments so. */
export function releasedOptions({ kind, flags }: OfficialModel): ArchitectureOptions {
  const flag = (name: string) => flags[name] ?? flags[`classifier_${name}`];
  const size = Number(flag('image_size') ?? flag('large_size'));
  const encoder = kind === 'EncoderUNetModel';
  const multipliers: Record<number, number[]> = {
    512: [0.5, 1, 1, 2, 2, 4, 4],
    256: [1, 1, 2, 2, 4, 4],
    128: [1, 1, 2, 3, 4],
    64: [1, 2, 3, 4],
  };
  return optionsFromReference(kind, {
    image_size: size,
    in_channels: 3,
    model_channels: flag('num_channels') ?? flag('width'),
    out_channels: encoder ? 1000 : 6,
    num_res_blocks: flag('num_res_blocks') ?? flag('depth'),
    attention_resolutions: String(flag('attention_resolutions'))
      .split(',')
      .map((resolution) => size / Number(resolution)),
    channel_mult: multipliers[size],
    use_scale_shift_norm: flag('use_scale_shift_norm'),
    resblock_updown: flag('resblock_updown'),
    ...(encoder
      ? { num_head_channels: 64, pool: flag('pool') }
      : {
          num_heads: flag('num_heads'),
          num_head_channels: flag('num_head_channels'),
          num_classes: flag('class_cond') ? 1000 : null,
          use_new_attention_order: flag('use_new_attention_order') ?? false,
        }),
  });
}
