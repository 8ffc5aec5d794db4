import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stateDictOf } from '../../onnx/architectures/build-model.ts';
import { loadRecipe, type Recipe } from '../../onnx/convert/recipe.ts';
import { interleave } from '../interleave.ts';
import type { Measurement } from '../measurement.ts';
import { startChild } from '../processes/child.ts';
import type { ConverterAnswer, ConverterQuestion } from '../processes/converter.ts';
import { compare } from '../statistics.ts';
import { writeTorchCheckpoint } from '../torch-checkpoint.ts';

/** The released model's. */
const CHANNELS = 256;
const ROUNDS = 7;

export const conversion: Measurement = {
  name: 'conversion',
  title: 'Converting a checkpoint',
  method: `A PyTorch checkpoint of random float32 weights in the layout of 256x256_diffusion (2.2 GB), converted to
ONNX with its weights beside the graph, against copying the file; both until the bytes are on the disk. Converting reads
every byte, verifies its checksum, folds some of the weights, digests what it writes in a thread of its own, and writes
around the page cache. Its floor is a pass of SHA-256 over every byte on one core, beside one of CRC-32 on another. The
second row is the most memory the process has had resident, against the same process before it converted anything.`,
  async run({ quick, onProgress }) {
    const folder = await mkdtemp(join(tmpdir(), 'cairn-bench-'));
    try {
      const recipe = await recipeOf(quick ? CHANNELS / 8 : CHANNELS);
      const checkpoint = join(folder, 'diffusion.pt');
      onProgress('writing a checkpoint');
      writeTorchCheckpoint(checkpoint, stateDictOf(recipe.architecture.diffusion));
      await flush(checkpoint);
      await using child = await startChild('converter.ts', [checkpoint, JSON.stringify(recipe)]);
      const ask = async (work: ConverterQuestion['work']) =>
        (await child.ask({ work, out: join(folder, work) })) as ConverterAnswer;
      onProgress('converting and copying');
      const { peakMb: before } = await ask('copy');
      let { peakMb } = await ask('convert');
      const times = await interleave(
        {
          ours: async () => {
            const answer = await ask('convert');
            peakMb = Math.max(peakMb, answer.peakMb);
            return answer.ms;
          },
          floor: async () => (await ask('copy')).ms,
        },
        quick ? 1 : ROUNDS,
        0,
      );
      return [
        {
          name: 'conversion',
          unit: 'ms',
          floorIs: 'copy',
          ...compare(times.ours, times.floor),
          aim: { on: 'ratio', atMost: 1.5 },
        },
        {
          name: 'peak memory of a conversion',
          unit: 'MB',
          floorIs: 'before it',
          ...compare([peakMb], [before]),
          aim: { on: 'ours', atMost: 600 },
        },
      ];
    } finally {
      await rm(folder, { recursive: true });
    }
  },
};

/** Or the system would write the checkpoint out in the middle of the first rounds. */
async function flush(path: string): Promise<void> {
  await using handle = await open(path, 'r+');
  await handle.sync();
}

async function recipeOf(channels: number): Promise<Recipe> {
  const { architecture, ...rest } = await loadRecipe('imagenet-256');
  const diffusion = { ...architecture.diffusion, model_channels: channels };
  return { ...rest, weights: 'float32', dtype: 'fp32', architecture: { diffusion } };
}
