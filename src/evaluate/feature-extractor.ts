/** A network that gives images features, and perhaps class probabilities: an ONNX file of the user's. */
import { InferenceSession, Tensor } from '../onnx/onnxruntime.ts';
import type { ImageShape } from './image-source.ts';
import { softmaxRows } from './softmax.ts';

/** What pixel values 0 and 255 become. */
export type PixelRange = readonly [low: number, high: number];

export interface ExtractorOptions {
  /** Default: -1 to 1. */
  readonly range?: PixelRange;
  /** Output with the features; default `features`, or the only output that is neither logits nor spatial. */
  readonly features?: string;
  /** Output with logits or probabilities; default `logits`, `probabilities` or `softmax`, whichever there is. */
  readonly classes?: string;
  /** Output with spatial features, flattened per image; default `spatial`. */
  readonly spatial?: string;
  readonly threads?: number;
}

/** Of a batch of n images, row-major. */
export interface Extracted {
  /** `[n, D]`. */
  readonly features: Float32Array;
  /** `[n, K]`, rows adding up to 1; null if the network gives no classes. */
  readonly probabilities: Float32Array | null;
  /** `[n, S]`; null if the network gives none. */
  readonly spatial: Float32Array | null;
}

export interface FeatureExtractor extends AsyncDisposable {
  /** @param images `[n, H, W, C]`, 0 to 255 */
  run(images: Uint8Array, count: number, shape: ImageShape): Promise<Extracted>;
}

/** @throws {Error} if the file can't be loaded, or its ends are not what an extractor has */
export async function openExtractor(path: string, options: ExtractorOptions = {}): Promise<FeatureExtractor> {
  const session = await InferenceSession.create(path, {
    ...(options.threads !== undefined && { intraOpNumThreads: options.threads }),
  }).catch((error: Error) => {
    throw new Error(`${path} can't be used for features: ${error.message}`, { cause: error });
  });
  const input = imageInput(session, path);
  const names = outputNames(session.outputNames, options, path);
  const [low, high] = options.range ?? [-1, 1];
  return {
    async run(images, count, shape) {
      checkSize(input, shape, path);
      const tensor = toTensor(images, count, shape, low, high);
      const wanted = [names.features, names.classes, names.spatial].filter((name) => name !== undefined);
      const answers = await session.run({ [input.name]: tensor }, wanted);
      const of = (name: string | undefined) =>
        name === undefined ? null : floats(answers[name]!, name, path);
      const classes = of(names.classes);
      return {
        features: of(names.features)!,
        probabilities: classes && softmaxRows(classes, classes.length / count),
        spatial: of(names.spatial),
      };
    },
    [Symbol.asyncDispose]: () => session.release(),
  };
}

interface ImageInput {
  readonly name: string;
  readonly shape: readonly (number | string)[];
}

function imageInput(session: InferenceSession, path: string): ImageInput {
  const inputs = session.inputMetadata;
  const [only] = inputs;
  if (inputs.length === 1 && only!.isTensor && only!.type === 'float32' && only!.shape.length === 4) {
    return { name: only!.name, shape: only!.shape };
  }
  const found = inputs.map(({ name }) => name).join(', ');
  throw new Error(`${path} has the inputs ${found}; expected one image input, float32 [N, C, H, W]`);
}

function outputNames(known: readonly string[], options: ExtractorOptions, path: string) {
  const pick = (wanted: string | undefined, usual: readonly string[]) => {
    if (wanted === undefined) return usual.find((name) => known.includes(name));
    if (known.includes(wanted)) return wanted;
    throw new Error(`${path} has no output "${wanted}"; it has ${known.join(', ')}`);
  };
  const classes = pick(options.classes, ['logits', 'probabilities', 'softmax']);
  const spatial = pick(options.spatial, ['spatial']);
  const rest = known.filter((name) => name !== classes && name !== spatial);
  const features = pick(options.features, ['features', ...(rest.length === 1 ? rest : [])]);
  if (features === undefined) {
    throw new Error(`${path} has the outputs ${known.join(', ')}; name the one with the features`);
  }
  return { features, classes, spatial };
}

function checkSize({ shape }: ImageInput, { channels, height, width }: ImageShape, path: string): void {
  const wanted = shape.slice(1);
  const given = [channels, height, width];
  if (wanted.every((size, i) => typeof size === 'string' || size < 0 || size === given[i])) return;
  throw new Error(
    `${path} takes images [C, H, W] of [${wanted.join(', ')}], these are [${given.join(', ')}]`,
  );
}

/** `[n, H, W, C]` bytes to `[n, C, H, W]` floats. */
function toTensor(
  images: Uint8Array,
  count: number,
  { channels, height, width }: ImageShape,
  low: number,
  high: number,
): Tensor {
  const pixels = height * width;
  const values = new Float32Array(images.length);
  for (let image = 0; image < count; image++) {
    for (let c = 0; c < channels; c++) {
      const target = (image * channels + c) * pixels;
      for (let i = 0; i < pixels; i++) {
        values[target + i] = low + ((high - low) * images[(image * pixels + i) * channels + c]!) / 255;
      }
    }
  }
  return new Tensor('float32', values, [count, channels, height, width]);
}

function floats({ data }: Tensor, name: string, path: string): Float32Array {
  if (data instanceof Float32Array) return data;
  throw new Error(`${path}: output "${name}" is not float32`);
}
