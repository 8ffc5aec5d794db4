/** Golden files of the ONNX tests. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import type { ArchitectureOptions } from '../../src/onnx/architectures/options.ts';
import { optionsFromFlags } from '../../src/onnx/architectures/released-flags.ts';
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
  readonly flags: Readonly<Record<string, unknown>>;
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

/** The options that a released model's flags mean. */
export function releasedOptions({ kind, flags }: OfficialModel): ArchitectureOptions {
  return optionsFromFlags(kind, flags);
}
