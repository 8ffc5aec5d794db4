import { z } from 'zod';
import { type CheckKind, hasKeys } from '../contract.ts';
import { type CheckResult, Comparison, guarded } from '../result.ts';

const index = z.record(
  z.string(),
  z.looseObject({
    kind: z.string(),
    flags: z.record(z.string(), z.unknown()),
    parameters: z.int().optional(),
    state_dict: z.record(z.string(), z.array(z.int())),
  }),
);

/** Names and shapes of released checkpoints: the graph built from each one's flags takes exactly those. */
export const releasedModels: CheckKind = {
  name: 'released models',
  recognises: (content) => hasKeys(Object.values(content ?? {})[0], 'kind', 'flags', 'state_dict'),
  async *run({ path, content }) {
    const { buildModel } = await import('../../onnx/architectures/build-model.ts');
    const { optionsFromFlags } = await import('../../onnx/architectures/released-flags.ts');
    for (const [name, model] of Object.entries(index.parse(content))) {
      const file = `${path} (${name})`;
      yield* guarded(file, async function* (): AsyncGenerator<CheckResult> {
        const comparison = new Comparison();
        const shapes = Object.entries(model.state_dict);
        const tensors = new Map(shapes.map(([tensor, shape]) => [tensor, { shape, read: noValues }]));
        // What does not fit is thrown, as a list.
        buildModel({ tensors }, optionsFromFlags(model.kind, model.flags));
        comparison.close('tensors that do not fit', [0], [0], 0);
        if (model.parameters !== undefined) {
          const sizes = shapes.map(([, shape]) => shape.reduce((a, b) => a * b, 1));
          comparison.same(
            'parameters',
            sizes.reduce((a, b) => a + b, 0),
            model.parameters,
          );
        }
        yield comparison.result(file);
      });
    }
  },
};

function noValues(): Float32Array {
  throw new Error('a list of names and shapes has no values');
}
