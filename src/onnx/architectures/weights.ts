/** The weights that a network takes from a checkpoint, held against what the checkpoint has. */
import type { ByteSource } from '../byte-source.ts';
import { type Dtype, type TensorData, toFloat32 } from '../checkpoint/dtype.ts';
import { ScratchMemory } from '../scratch-memory.ts';

/** Anything with named tensors: an open checkpoint, or a list of names and shapes. */
export interface WeightSource {
  readonly tensors: ReadonlyMap<string, SourceTensor>;
}

interface SourceTensor {
  readonly shape: readonly number[];
  read(): TensorData;
  readonly dtype?: Dtype;
  /** The bytes in order, if they can be had so. */
  source?(): ByteSource | undefined;
}

/** A tensor that is read when its values are needed. */
export interface Weight {
  readonly shape: readonly number[];
  /** The elements; the caller must not change them. */
  readonly read: () => Float32Array;
  /**
   * The bytes of the elements in order, if they can be had without memory of their own.
   *
   * @param memory to work in
   */
  readonly source?: (memory: ScratchMemory) => ByteSource | undefined;
}

/** A checkpoint that does not fit the architecture. */
export class ArchitectureMismatchError extends Error {
  override readonly name = 'ArchitectureMismatchError';
  /** Names the network needs and the checkpoint lacks. */
  readonly missing: readonly string[];
  /** Names the checkpoint has and the network does not need. */
  readonly unexpected: readonly string[];
  /** One line each: name, shape found, shape needed. */
  readonly misshapen: readonly string[];

  /** @param differences what the checkpoint is instead, in words */
  constructor(
    missing: readonly string[],
    unexpected: readonly string[],
    misshapen: readonly string[],
    differences = '',
  ) {
    const parts = [
      differences,
      listing('missing', missing),
      listing('unexpected', unexpected),
      listing('misshapen', misshapen),
    ];
    super(`the checkpoint does not fit the architecture: ${parts.filter((part) => part !== '').join('; ')}`);
    this.missing = missing;
    this.unexpected = unexpected;
    this.misshapen = misshapen;
  }
}

/** Hands out weights by name and keeps account of them. */
export class Weights {
  /** What those that are computed are computed in, one after another. */
  readonly memory = new ScratchMemory();
  readonly #source: WeightSource;
  readonly #taken = new Map<string, readonly number[]>();
  #latest: { readonly name: string; readonly data: Float32Array } | undefined;
  readonly #missing: string[] = [];
  readonly #misshapen: string[] = [];

  constructor(source: WeightSource) {
    this.#source = source;
  }

  /** A weight of this shape. What does not fit is reported by `finish`, all at once. */
  take(name: string, shape: readonly number[]): Weight {
    this.#taken.set(name, shape);
    const tensor = this.#source.tensors.get(name);
    if (!tensor) {
      this.#missing.push(name);
    } else if (!sameSizes(tensor.shape, shape)) {
      this.#misshapen.push(`${name} is [${tensor.shape}], expected [${shape}]`);
    }
    const read = () => this.#read(name);
    if (tensor?.dtype !== 'float32') return { shape, read };
    return { shape, read, source: () => tensor.source?.() };
  }

  /** Some weights are read several times in a row: the phases of an upsampling, parts of a projection. */
  #read(name: string): Float32Array {
    if (this.#latest?.name === name) return this.#latest.data;
    this.#latest = undefined;
    const data = toFloat32(this.#source.tensors.get(name)!.read());
    this.#latest = { name, data };
    return data;
  }

  /** Shapes of all that was taken so far, by name. */
  get taken(): ReadonlyMap<string, readonly number[]> {
    return this.#taken;
  }

  /**
   * @param differences says what the checkpoint is instead
   * @throws {ArchitectureMismatchError} unless the network took exactly what the checkpoint has
   */
  finish(differences: (source: WeightSource) => string | undefined): void {
    const unexpected = [...this.#source.tensors.keys()].filter((name) => !this.#taken.has(name));
    if (this.#missing.length + unexpected.length + this.#misshapen.length > 0) {
      throw new ArchitectureMismatchError(
        this.#missing,
        unexpected,
        this.#misshapen,
        differences(this.#source),
      );
    }
  }
}

/** How many names one message lists of each kind. */
const LISTED = 6;

function listing(kind: string, items: readonly string[]): string {
  if (items.length === 0) return '';
  const more = items.length > LISTED ? `, and ${items.length - LISTED} more` : '';
  return `${items.length} ${kind} (${items.slice(0, LISTED).join(', ')}${more})`;
}

function sameSizes(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((size, axis) => size === b[axis]);
}
