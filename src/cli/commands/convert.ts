/** `cairn convert`: from PyTorch checkpoints to a model folder. */
import { Command, Option } from 'commander';
import type { ModelManifest } from '../../models/manifest.ts';
import { CliError } from '../cli-error.ts';

interface ConvertFlags {
  readonly diffusion: string;
  readonly classifier?: string;
  readonly out?: string;
  readonly id?: string;
  readonly weights?: 'float32' | 'float16';
}

export function convertCommand(): Command {
  return new Command('convert')
    .description('Convert PyTorch checkpoints (.pt) to ONNX graphs with the gradient for guidance.')
    .argument(
      '<recipe>',
      'what the weights do not say: a name that comes with Cairn (mnist-32), or a .json file',
    )
    .requiredOption('--diffusion <file>', "the diffusion model's checkpoint")
    .option('--classifier <file>', "the noisy classifier's checkpoint")
    .option('--out <folder>', 'the model folder to write (default: models/ and the id)')
    .option('--id <id>', "the model's id (default: the recipe's)")
    .addOption(
      new Option('--weights <type>', "how weights are stored (default: the recipe's way)").choices([
        'float32',
        'float16',
      ]),
    )
    .action(convert);
}

async function convert(recipeName: string, flags: ConvertFlags): Promise<void> {
  // Imported here: the other commands do not pay for it.
  const { loadRecipe } = await import('../../onnx/convert/recipe.ts');
  const { convertModel } = await import('../../onnx/convert.ts');
  const { diffusion, classifier, id, weights } = flags;
  let manifest: ModelManifest;
  let out: string;
  try {
    const recipe = await loadRecipe(recipeName);
    out = flags.out ?? `models/${id ?? recipe.id}`;
    manifest = await convertModel({
      recipe,
      diffusion,
      out,
      ...(classifier !== undefined && { classifier }),
      ...(id !== undefined && { id }),
      ...(weights !== undefined && { weights }),
      onProgress: (part, done, total) => console.log(`[${done}/${total}] ${part}`),
    });
  } catch (error) {
    throw new CliError((error as Error).message, undefined, { cause: error });
  }
  const sizes = Object.values(manifest.graphs).flatMap((graph) =>
    graph === undefined ? [] : [`${graph.file} ${kilobytes(graph.bytes)}`],
  );
  console.log(`Wrote ${manifest.id} to ${out}: ${sizes.join(', ')}`);
}

function kilobytes(bytes: number): string {
  return `${(bytes / 1000).toFixed(0)} kB`;
}
