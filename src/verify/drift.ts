import { z } from 'zod';
import type { GoldenDirectory } from './directory.ts';

/**
 * How far two correct float32 implementations of the same numbers lie apart, as the directory says it; the tolerances
 * are derived from it.
 */
const driftSchema = z.looseObject({
  checkpoint_io: z
    .record(
      z.string(),
      z.looseObject({
        output: z.number().optional(),
        logits: z.number().optional(),
        grad: z.number().optional(),
      }),
    )
    .optional(),
  loops: z
    .record(
      z.string(),
      z.looseObject({
        per_step_max_abs: z.array(z.number()),
        final_max_abs: z.number(),
        uint8_differences: z.number().optional(),
        uint8_total: z.number().optional(),
      }),
    )
    .optional(),
  steps_vs_independent_float64_formulas: z
    .record(z.string(), z.looseObject({ relative_to_max_abs: z.number() }))
    .optional(),
});

export type Drift = z.infer<typeof driftSchema>;

/** Whether this content is a drift file, whatever its name. */
export function isDrift(content: unknown): boolean {
  return (
    typeof content === 'object' &&
    content !== null &&
    ('steps_vs_independent_float64_formulas' in content ||
      'checkpoint_io' in content ||
      ('loops' in content && !Array.isArray(content.loops) && typeof content.loops === 'object'))
  );
}

/** The drift files of a directory as one. @throws {Error} if one of them is malformed */
export async function readDrift(directory: GoldenDirectory): Promise<Drift> {
  const drift: Drift = {};
  for (const path of directory.files.filter((file) => file.endsWith('.json'))) {
    const content = await directory.json(path);
    if (!isDrift(content)) continue;
    directory.claim(path);
    const parsed = driftSchema.safeParse(content);
    if (!parsed.success) throw new Error(`${path}: ${z.prettifyError(parsed.error)}`);
    drift.checkpoint_io = { ...drift.checkpoint_io, ...parsed.data.checkpoint_io };
    drift.loops = { ...drift.loops, ...parsed.data.loops };
    drift.steps_vs_independent_float64_formulas = {
      ...drift.steps_vs_independent_float64_formulas,
      ...parsed.data.steps_vs_independent_float64_formulas,
    };
  }
  return drift;
}
