import type { ModelFamily, ServedFamily } from './batching/options.ts';
import { GraphRunner } from './graph-runner.ts';
import type { RunGate } from './run-gate.ts';

/** Serves a model without joining requests. */
export function serveOneAtATime(gate: RunGate): (family: ModelFamily) => ServedFamily {
  return ({ diffusion, gradient, signatures }) => {
    const parts = [diffusion, gradient]
      .filter((part) => part !== null)
      .map(({ graph, signature }) => ({
        session: graph,
        outputs: signature.outputs.map(({ name }) => name),
      }));
    return {
      runners: signatures.map((signature) => new GraphRunner(signature, parts, gate)),
      // Behind whatever runs or waits.
      drain: () => gate.run(async () => {}, new AbortController().signal),
      drop: () => {},
    };
  };
}
