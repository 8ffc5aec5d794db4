/** What is known of each image of a sample after each step. */

/** x_start: the picture as predicted at that step. x_t: the state itself, noise and all. */
export type View = 'x_start' | 'x_t';

interface Frame {
  /** Steps taken. */
  readonly step: number;
  /** Of a picture: a URL of the API, or a data URL. */
  readonly src: string;
}

export class Frames {
  readonly #frames: Record<View, Map<number, Frame[]>> = { x_start: new Map(), x_t: new Map() };

  /** A later picture of the same step takes the place of an earlier one. */
  put(view: View, image: number, step: number, src: string): void {
    const frames = this.#frames[view].get(image) ?? [];
    this.#frames[view].set(image, frames);
    const at = frames.findIndex((frame) => frame.step >= step);
    if (at === -1) frames.push({ step, src });
    else frames.splice(at, frames[at]!.step === step ? 1 : 0, { step, src });
  }

  /** The newest picture of an image that is no newer than `step`; null if there is none. */
  at(view: View, image: number, step: number): string | null {
    return this.#frames[view].get(image)?.findLast((frame) => frame.step <= step)?.src ?? null;
  }

  has(view: View): boolean {
    return this.#frames[view].size > 0;
  }
}
