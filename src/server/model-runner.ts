/** What the routes know of a model: the place where a queue that joins the steps of many jobs can come in between. */
import type { Datatype } from '../inference/oip/datatype.ts';
import type { NamedTensor } from '../inference/oip/tensor.ts';

/** An input or output; -1 in the shape is the batch dimension. */
export interface TensorSignature {
  readonly name: string;
  readonly datatype: Datatype;
  readonly shape: readonly number[];
  /** Values must be whole numbers from 0 to below this: class labels. */
  readonly below?: number;
}

export interface ModelSignature {
  readonly name: string;
  readonly inputs: readonly TensorSignature[];
  readonly outputs: readonly TensorSignature[];
  readonly maxBatchSize: number;
}

export interface ModelRunner {
  readonly signature: ModelSignature;
  /**
   * @param inputs checked against the signature
   * @param outputs names of the wanted outputs, all of the signature; what only serves other outputs is not computed
   * @param signal fires when nobody waits for the answer any more
   * @returns the wanted outputs in the order asked for
   */
  infer(inputs: TensorsByName, outputs: readonly string[], signal: AbortSignal): Promise<NamedTensor[]>;
}

export type TensorsByName = ReadonlyMap<string, NamedTensor>;
