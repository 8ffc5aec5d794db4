import type { NamedTensor } from '../inference/oip/tensor.ts';
import type { Graph } from './batching/options.ts';
import type { ModelRunner, ModelSignature, RunOptions, TensorsByName } from './model-runner.ts';
import type { RunGate } from './run-gate.ts';

/** Runs the graphs that the wanted outputs need, one after another on the same inputs. */
export class GraphRunner implements ModelRunner {
  readonly signature: ModelSignature;
  readonly #parts: readonly GraphPart[];
  readonly #gate: RunGate;

  constructor(signature: ModelSignature, parts: readonly GraphPart[], gate: RunGate) {
    this.signature = signature;
    this.#parts = parts;
    this.#gate = gate;
  }

  async infer(
    inputs: TensorsByName,
    outputs: readonly string[],
    { signal }: RunOptions,
  ): Promise<NamedTensor[]> {
    const results = await this.#gate.run(async () => {
      const tensors: NamedTensor[] = [];
      for (const { session, outputs: own } of this.#parts) {
        const wanted = own.filter((name) => outputs.includes(name));
        if (wanted.length > 0) tensors.push(...(await session.run(inputs, wanted)));
      }
      return tensors;
    }, signal);
    return outputs.map((name) => results.find((tensor) => tensor.name === name)!);
  }
}

/** A graph and which outputs come from it. */
export interface GraphPart {
  readonly session: Graph;
  readonly outputs: readonly string[];
}
