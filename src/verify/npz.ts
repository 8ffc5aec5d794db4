import { unzipSync } from 'fflate';
import { type NpyArray, parseNpy } from './npy.ts';

/** The arrays of an .npz file (a zip of .npy files) by name, each read when it is first asked for. */
export class Npz {
  readonly #files: Readonly<Record<string, Uint8Array>>;
  readonly #source: string;

  /** @throws {Error} if the bytes are no zip archive */
  constructor(bytes: Uint8Array, source: string) {
    this.#source = source;
    try {
      this.#files = unzipSync(bytes);
    } catch (cause) {
      throw new Error(`${source} is not an .npz file: ${(cause as Error).message}`, { cause });
    }
  }

  get names(): string[] {
    return Object.keys(this.#files).map((name) => name.replace(/\.npy$/, ''));
  }

  has(name: string): boolean {
    return Object.hasOwn(this.#files, `${name}.npy`);
  }

  /** @throws {Error} if there is no such array or it can't be read */
  array(name: string): NpyArray {
    const bytes = this.#files[`${name}.npy`];
    if (!bytes) throw new Error(`${this.#source} has no array "${name}"`);
    try {
      return parseNpy(bytes);
    } catch (cause) {
      throw new Error(`${this.#source}, array "${name}": ${(cause as Error).message}`, { cause });
    }
  }

  /** Values of an array that has to be float32. */
  float32(name: string): Float32Array {
    const { data, dtype } = this.array(name);
    if (!(data instanceof Float32Array))
      throw new Error(`${this.#source}, array "${name}": ${dtype} is not float32`);
    return data;
  }

  /** Values of an array of any type as plain numbers. */
  numbers(name: string): number[] {
    return Array.from(this.array(name).data);
  }
}
