const { fround } = Math;

/** Sizes of one image. */
export interface ImageShape {
  readonly channels: number;
  readonly height: number;
  readonly width: number;
}

/**
 * From [-1, 1] to bytes, element by element, in the order of the input: (x + 1) * 127.5, clamped to 0..255 and
 * truncated as the reference does (254.9999 becomes 254). NaN becomes 0.
 */
export function toUint8(x: Float32Array): Uint8Array {
  const out = new Uint8Array(x.length);
  for (let i = 0; i < out.length; i++) {
    const value = fround(fround(x[i]! + 1) * 127.5);
    out[i] = Math.min(Math.max(value, 0), 255);
  }
  return out;
}

/**
 * Reorders `[N, C, H, W]` to `[N, H, W, C]`, the order of image files; image n is the n-th part of the result.
 *
 * @param shape of one image; N follows from the number of bytes
 * @throws {RangeError} if the bytes are no whole number of images
 */
export function toNHWC(bytes: Uint8Array, { channels, height, width }: ImageShape): Uint8Array {
  const area = height * width;
  const size = channels * area;
  if (!(size > 0) || bytes.length % size !== 0) {
    throw new RangeError(
      `${bytes.length} bytes are no whole number of [${channels}, ${height}, ${width}] images`,
    );
  }
  const out = new Uint8Array(bytes.length);
  let from = 0;
  for (let image = 0; image < out.length; image += size) {
    for (let channel = 0; channel < channels; channel++) {
      for (let pixel = 0; pixel < area; pixel++) out[image + pixel * channels + channel] = bytes[from++]!;
    }
  }
  return out;
}

/**
 * The inverse for images that come from outside: `[H, W, C]` samples of 0 .. largest to `[C, H, W]` in [-1, 1].
 *
 * @param samples of one image, channels interleaved
 * @param largest value of white, e.g. 255
 * @throws {RangeError} if the samples are not exactly one image
 */
export function fromNHWC(
  samples: ArrayLike<number>,
  { channels, height, width }: ImageShape,
  largest: number,
): Float32Array {
  const area = height * width;
  if (samples.length !== channels * area) {
    throw new RangeError(`${samples.length} samples are not one [${channels}, ${height}, ${width}] image`);
  }
  const out = new Float32Array(samples.length);
  for (let channel = 0; channel < channels; channel++) {
    for (let pixel = 0; pixel < area; pixel++) {
      out[channel * area + pixel] = (2 * samples[pixel * channels + channel]!) / largest - 1;
    }
  }
  return out;
}
