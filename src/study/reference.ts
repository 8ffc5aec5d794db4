/**
 * `npm run study:reference`: features of MNIST's images by the study's network. The images themselves are not in the
 * repository; their features are what every figure is held against.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Command } from 'commander';
import { zipSync } from 'fflate';
import { projectRoot } from '../cli/local/project.ts';
import { type FeatureExtractor, openExtractor } from '../evaluate/feature-extractor.ts';
import { NpzFile } from '../evaluate/npz-file.ts';
import { npyHeader } from '../files/npy.ts';

export const NETWORK = join(projectRoot, 'study/mnist-cnn.onnx');
/** Training images: what the model learnt from. */
export const REFERENCE = join(projectRoot, 'study/mnist-train.npz');
/** Test images: real ones that neither network has seen. */
export const TEST_SET = join(projectRoot, 'study/mnist-test.npz');

const CLASSES = 10;
const SIZE = 28;
/** Rows and columns of black around an image, as mnist-32 was trained. */
const PADDING = 2;
const PADDED = SIZE + 2 * PADDING;
const BATCH = 500;

export interface LabelledImages {
  /** `[N, 28, 28]`. */
  readonly images: Uint8Array;
  readonly labels: Uint8Array;
}

/** Numbers of the first images of each class, the classes in turns: 0, 1, ..., 9, 0, 1, ... */
export function balanced(labels: ArrayLike<number>, perClass: number): number[] {
  const ofClass = Array.from({ length: CLASSES }, (): number[] => []);
  for (let i = 0; i < labels.length; i++) ofClass[labels[i]!]!.push(i);
  return Array.from({ length: perClass * CLASSES }, (_, n) => {
    const image = ofClass[n % CLASSES]![Math.floor(n / CLASSES)];
    if (image === undefined) throw new Error(`there are fewer than ${perClass} images of ${n % CLASSES}`);
    return image;
  });
}

/** `[count, 32, 32]` with black around. */
export function pad(images: Uint8Array, numbers: readonly number[]): Uint8Array {
  const padded = new Uint8Array(numbers.length * PADDED ** 2);
  numbers.forEach((number, n) => {
    for (let y = 0; y < SIZE; y++) {
      const from = number * SIZE ** 2 + y * SIZE;
      padded.set(images.subarray(from, from + SIZE), n * PADDED ** 2 + (y + PADDING) * PADDED + PADDING);
    }
  });
  return padded;
}

/** Below it a probability makes no difference to any metric; the logarithm of 0 would. */
const LEAST_LOGARITHM = -60;

/** An .npz of features as `cairn evaluate` reads it, in float16: off by half a per mille at most. */
async function featuresOf(
  extractor: FeatureExtractor,
  { images, labels }: LabelledImages,
  perClass: number,
): Promise<Uint8Array> {
  const numbers = balanced(labels, perClass);
  const features: number[] = [];
  const logits: number[] = [];
  const shape = { height: PADDED, width: PADDED, channels: 1 };
  for (let from = 0; from < numbers.length; from += BATCH) {
    const batch = numbers.slice(from, from + BATCH);
    const extracted = await extractor.run(pad(images, batch), batch.length, shape);
    features.push(...extracted.features);
    for (const value of extracted.probabilities!) logits.push(Math.max(Math.log(value), LEAST_LOGARITHM));
  }
  const rows = (values: readonly number[]) =>
    npy('<f2', [numbers.length, values.length / numbers.length], Float16Array.from(values));
  return zipSync({
    'features.npy': rows(features),
    'logits.npy': rows(logits),
    'labels.npy': npy(
      '|u1',
      [numbers.length],
      Uint8Array.from(numbers, (number) => labels[number]!),
    ),
  });
}

function npy(type: '<f2' | '|u1', shape: number[], values: Float16Array | Uint8Array): Uint8Array {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  return Buffer.concat([npyHeader(type, shape), bytes]);
}

async function makeReference(path: string): Promise<void> {
  await using file = await NpzFile.open(path);
  const array = async (name: string) => Uint8Array.from((await file.array(name)).data);
  await using extractor = await openExtractor(NETWORK);
  const train = { images: await array('train_x'), labels: await array('train_y') };
  const test = { images: await array('test_x'), labels: await array('test_y') };
  await writeFile(REFERENCE, await featuresOf(extractor, train, 1000));
  await writeFile(TEST_SET, await featuresOf(extractor, test, 800));
}

if (import.meta.main) {
  await new Command('study:reference')
    .argument('<mnist.npz>', 'train_x, train_y, test_x, test_y: uint8 [N, 28, 28] and [N]')
    .action(makeReference)
    .parseAsync();
}
