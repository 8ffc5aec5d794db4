import { z } from 'zod';
import { timestepEmbedding } from '../../core/index.ts';
import { type CheckKind, firstOf, hasKeys } from '../contract.ts';
import { Comparison } from '../result.ts';

const index = z.looseObject({
  cases: z.array(z.looseObject({ case: z.int(), dim: z.int(), max_period: z.number() })),
});

/** Sinusoidal timestep embeddings of fractional and of whole timesteps. */
export const timestepEmbeddings: CheckKind = {
  name: 'timestep embeddings',
  recognises: (content) => hasKeys(firstOf(content, 'cases'), 'dim', 'max_period'),
  async *run({ directory, path, content }) {
    const { cases } = index.parse(content);
    const { path: file, npz } = await directory.companion(path, `c${cases[0]?.case ?? 0}_embedding`);
    const comparison = new Comparison();
    for (const { case: number, dim, max_period } of cases) {
      for (const kind of ['', 'int_']) {
        const timesteps = Float32Array.from(npz.numbers(`c${number}_${kind}timesteps`));
        const name = `c${number}_${kind}embedding`;
        const expected = npz.float32(name);
        for (const [row, timestep] of timesteps.entries()) {
          const actual = timestepEmbedding(Float32Array.of(timestep), dim, max_period);
          const expectedRow = expected.subarray(row * dim, (row + 1) * dim);
          comparison.close(
            `${name}, timestep ${timestep}`,
            actual,
            expectedRow,
            embeddingTolerance(timestep),
          );
        }
      }
    }
    yield comparison.result(file);
  },
};

/**
 * A frequency below 1 that is rounded differently in its last bit moves the angle by timestep * 2^-24; sine and cosine
 * pass that on.
 */
function embeddingTolerance(timestep: number): number {
  return 2 ** -23 * Math.max(timestep, 4);
}
