/**
 * Small pictures of the predicted x_start, for whoever watches: every few steps, a few images at a time, and no more
 * bytes a second than the whole job may send. What is due and not sent yet is replaced by what is due later.
 */
import { type ImageShape, shrink, toNHWC, toUint8 } from '../../core/index.ts';
import { encodePng } from '../outputs.ts';
import { type BatchSpec, batchCount, MAX_IN_FLIGHT } from '../spec.ts';

/** Some images of a batch after one step. */
export interface PreviewSheet {
  /** Steps taken. */
  readonly step: number;
  readonly images: readonly Preview[];
}

export interface Preview {
  /** Of the image in its job. */
  readonly index: number;
  /** A data URL. */
  readonly png: string;
}

/** Pixels of a preview's longer side, at most. */
export const PREVIEW_SIDE = 64;
/** Characters of data URLs that the batches of a job send it in a second, together. */
const CHARACTERS_PER_SECOND = 256 * 1024;
/** Images in one sheet: encoding them must stay small beside a step. */
const SHEET_IMAGES = 16;
/** While nobody watches, previews are only kept for who may come: a sheet at most this often, ms. */
const UNWATCHED_EVERY_MS = 2_000;

export class Previews {
  readonly #spec: BatchSpec;
  readonly #shape: ImageShape;
  readonly #charactersPerMs: number;
  /** x_start of the latest step whose turn it was, `[N, C, H, W]`. */
  #due: { readonly step: number; readonly x: Float32Array } | null = null;
  /** Per image the step of which it was last shown. */
  readonly #shown: number[];
  /** The image whose turn it is. */
  #next = 0;
  #sentAt = Number.NEGATIVE_INFINITY;
  #sentCharacters = 0;

  constructor(spec: BatchSpec, shape: ImageShape) {
    this.#spec = spec;
    this.#shape = shape;
    const sharers = Math.min(MAX_IN_FLIGHT, batchCount(spec.job));
    this.#charactersPerMs = CHARACTERS_PER_SECOND / sharers / 1000;
    this.#shown = new Array(spec.size).fill(0);
  }

  /**
   * Costs nothing: a step whose turn it is leaves its x_start here, in place of an earlier one.
   *
   * @param step steps taken
   * @param predXStart `[N, C, H, W]`; must not be changed afterwards
   */
  offer(step: number, predXStart: Float32Array): void {
    const { previewEvery } = this.#spec.job;
    if (previewEvery > 0 && step % previewEvery === 0) this.#due = { step, x: predXStart };
  }

  /** @returns the next images that may go, or null when none is due or it is too soon */
  take(now: number, watched: boolean): PreviewSheet | null {
    const pause = Math.max(watched ? 0 : UNWATCHED_EVERY_MS, this.#sentCharacters / this.#charactersPerMs);
    return now - this.#sentAt < pause ? null : this.#takeNow(now);
  }

  /** The last images, however soon: nothing comes after them. */
  takeLast(now: number): PreviewSheet | null {
    const sheet = this.#takeNow(now);
    this.#due = null;
    return sheet;
  }

  #takeNow(now: number): PreviewSheet | null {
    if (this.#due === null) return null;
    const { step, x } = this.#due;
    const images: Preview[] = [];
    for (let looked = 0; looked < this.#spec.size && images.length < SHEET_IMAGES; looked++) {
      const image = this.#next;
      this.#next = (image + 1) % this.#spec.size;
      if (this.#shown[image] === step) continue;
      this.#shown[image] = step;
      images.push({ index: this.#spec.first + image, png: this.#draw(x, image) });
    }
    if (this.#shown.every((shown) => shown === step)) this.#due = null;
    this.#sentAt = now;
    this.#sentCharacters = images.reduce((sum, { png }) => sum + png.length, 0);
    return images.length === 0 ? null : { step, images };
  }

  #draw(x: Float32Array, image: number): string {
    const { channels, height, width } = this.#shape;
    const elements = channels * height * width;
    return previewUrl(x.subarray(image * elements, (image + 1) * elements), this.#shape);
  }
}

/** @param x one image, `[C, H, W]` in [-1, 1] */
export function previewUrl(x: Float32Array, shape: ImageShape): string {
  const small = shrink(x, shape, PREVIEW_SIDE);
  const { channels, height, width } = small;
  const png = encodePng({ width, height, channels, data: toNHWC(toUint8(small.x), small) });
  return `data:image/png;base64,${btoa(String.fromCharCode(...png))}`;
}
