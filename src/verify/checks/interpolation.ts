import { z } from 'zod';
import { type CheckKind, firstOf, hasKeys } from '../contract.ts';
import type { Npz } from '../npz.ts';
import { Comparison } from '../result.ts';

const sides = z.tuple([z.int(), z.int()]);
const index = z.looseObject({
  cases: z.array(
    z.looseObject({
      case: z.int(),
      low: sides,
      new: sides,
      bilinear: z.boolean().default(false),
      nearest_x2: z.boolean().default(false),
      avgpool2: z.boolean().default(false),
    }),
  ),
});

/** A weighted mean of four values below 4, in float32. */
const TOLERANCE = 2e-6;

/** The resampling that the networks do, by the same nodes that are in their graphs. */
export const interpolation: CheckKind = {
  name: 'interpolation',
  recognises: (content) => hasKeys(firstOf(content, 'cases'), 'low', 'new'),
  async *run({ directory, path, content, loadNetworks }) {
    const { cases } = index.parse(content);
    const { path: file, npz } = await directory.companion(path, `c${cases[0]?.case ?? 0}_low_res`);
    if (!loadNetworks) {
      const detail = 'no engine was given to run the graphs';
      yield { file, cases: 0, maxError: 0, tolerance: 0, status: 'not covered', detail };
      return;
    }
    const comparison = new Comparison();
    for (const { case: number, low, new: size, ...made } of cases) {
      for (const method of ['bilinear', 'nearest_x2', 'avgpool2'] as const) {
        if (!made[method]) continue;
        const name = `c${number}_${method}`;
        const { dims, data } = await resample(method, npz, `c${number}_low_res`, size);
        comparison.same(`shape of ${name} from ${low}`, dims, npz.array(name).shape);
        comparison.close(name, data, npz.float32(name), TOLERANCE);
      }
    }
    yield comparison.result(file);
  },
};

async function resample(
  method: 'bilinear' | 'nearest_x2' | 'avgpool2',
  npz: Npz,
  input: string,
  [height, width]: readonly [number, number],
) {
  const { runResampling } = await import('../onnx-resampling.ts');
  const { shape } = npz.array(input);
  return runResampling(method, { dims: shape, data: npz.float32(input) }, height, width);
}
