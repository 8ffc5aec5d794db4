/** Conversion, and copying of the same file, in a process of their own. Arguments: checkpoint, recipe as JSON. */
import { copyFile, open, rm } from 'node:fs/promises';
import { parseRecipe } from '../../onnx/convert/recipe.ts';
import { convertModel } from '../../onnx/convert.ts';

export interface ConverterQuestion {
  readonly work: 'convert' | 'copy';
  /** Where to; it is removed afterwards. */
  readonly out: string;
}

export interface ConverterAnswer {
  /** Until all of it is on the disk. */
  readonly ms: number;
  /** The most memory that the process has had resident so far. */
  readonly peakMb: number;
}

const [checkpoint, json] = process.argv.slice(2) as [string, string];
const recipe = parseRecipe(json, 'of the benchmark');

process.on('message', async ({ work, out }: ConverterQuestion) => {
  const startedAt = performance.now();
  if (work === 'convert') await convertModel({ recipe, diffusion: checkpoint, out });
  else await copyDurably(checkpoint, out);
  const ms = performance.now() - startedAt;
  await rm(out, { recursive: true });
  process.send!({ ms, peakMb: process.resourceUsage().maxRSS / 1000 } satisfies ConverterAnswer);
});
process.on('disconnect', () => process.exit());
process.send!('ready');

async function copyDurably(from: string, to: string): Promise<void> {
  await copyFile(from, to);
  await using handle = await open(to, 'r+');
  await handle.sync();
}
