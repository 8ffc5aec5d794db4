import { elementCount, emptyData } from '../../inference/oip/datatype.ts';
import type { NamedTensor } from '../../inference/oip/tensor.ts';
import type { RunTiming, Schedule, TensorSignature, TensorsByName } from '../model-runner.ts';
import type { GraphPart } from './options.ts';
import { Timeline } from './timeline.ts';

/** What one graph computes for a request. */
export interface Work {
  readonly part: GraphPart;
  /** The part's outputs that are wanted. */
  readonly outputs: readonly TensorSignature[];
  /** For each of the request's images whether the graph runs on it; null for all. */
  readonly mask: Uint8Array | null;
}

export interface RequestOptions {
  readonly id: number;
  readonly schedule: Schedule;
  readonly inputs: TensorsByName;
  /** Images, at least 1. */
  readonly items: number;
  readonly work: readonly Work[];
  readonly now: () => number;
  readonly onRun: ((run: RunTiming) => void) | undefined;
}

/** A request from its arrival to its answer, which is put together here as its images run. */
export class PendingRequest {
  readonly id: number;
  readonly schedule: Schedule;
  readonly inputs: TensorsByName;
  readonly items: number;
  readonly work: readonly Work[];
  readonly answer: Promise<readonly NamedTensor[]>;
  readonly #outputs = new Map<string, NamedTensor>();
  readonly #timeline: Timeline;
  readonly #resolve: (outputs: readonly NamedTensor[]) => void;
  readonly #reject: (error: unknown) => void;
  /** Images that some graph has yet to run on, counted once per graph. */
  #missing: number;
  #settled = false;

  constructor(request: RequestOptions) {
    this.id = request.id;
    this.schedule = request.schedule;
    this.inputs = request.inputs;
    this.items = request.items;
    this.work = request.work;
    this.#timeline = new Timeline(request);
    this.#missing = this.rows(0, request.items);
    const { promise, resolve, reject } = Promise.withResolvers<readonly NamedTensor[]>();
    this.answer = promise;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#settleIfWhole();
  }

  get settled(): boolean {
    return this.#settled;
  }

  /**
   * Some of its images begin to run in a batch of so many.
   *
   * @returns milliseconds since it came or, if others of its images have run, since those began
   */
  began(now: number, batchSize: number): number {
    return this.#timeline.began(now, batchSize);
  }

  /** Images from `from` on that graphs run on, counted once per graph. */
  rows(from: number, count: number): number {
    return this.work.reduce((sum, { mask }) => sum + chosen(mask, from, count), 0);
  }

  /**
   * Takes what a graph made of some of the images.
   *
   * @param from the first of them
   * @param results rows of each wanted output, `count` of them, from row `at` on
   */
  take(work: Work, from: number, count: number, results: readonly NamedTensor[], at: number): void {
    if (this.#settled) return;
    for (const output of work.outputs) {
      const result = results.find(({ name }) => name === output.name)!;
      const stride = result.data.length / result.shape[0]!;
      const rows = result.data.subarray(at * stride, (at + count) * stride);
      if (count < this.items) {
        // Both are of the output's datatype; TypeScript does not see that the two unions agree.
        (this.#output(output).data as Float32Array).set(rows as Float32Array, from * stride);
      } else {
        // A copy, so that a client who reads slowly does not hold its neighbours' rows in memory.
        const own = count === result.shape[0] ? rows : rows.slice();
        this.#outputs.set(output.name, this.#tensor(output, own));
      }
    }
    this.#missing -= count;
    this.#settleIfWhole();
  }

  fail(error: unknown): void {
    this.#settled = true;
    this.#reject(error);
  }

  #settleIfWhole(): void {
    if (this.#missing > 0) return;
    this.#settled = true;
    this.#timeline.answered();
    this.#resolve(this.work.flatMap(({ outputs }) => outputs.map((output) => this.#output(output))));
  }

  /** An output so far: zeros where no graph has run. */
  #output(signature: TensorSignature): NamedTensor {
    const known = this.#outputs.get(signature.name);
    if (known !== undefined) return known;
    const length = this.items * elementCount(signature.shape.slice(1));
    const output = this.#tensor(signature, emptyData(signature.datatype, length));
    this.#outputs.set(signature.name, output);
    return output;
  }

  #tensor({ name, datatype, shape }: TensorSignature, data: NamedTensor['data']): NamedTensor {
    return { name, datatype, shape: [this.items, ...shape.slice(1)], data };
  }
}

/** How many of `count` images from `from` on a mask has. */
export function chosen(mask: Uint8Array | null, from: number, count: number): number {
  if (mask === null) return count;
  return mask.subarray(from, from + count).reduce((sum, one) => sum + (one ? 1 : 0), 0);
}
