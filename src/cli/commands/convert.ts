/** `cairn convert`: from PyTorch checkpoints to a model folder. */
import { Command, Option } from 'commander';
import { type ModelManifest, whyNotOffered } from '../../models/manifest.ts';
import type { OwnClassifier } from '../../onnx/convert/own-classifier.ts';
import type { PrecisionError } from '../../onnx/convert/precision-error.ts';
import type { Recipe } from '../../onnx/convert/recipe.ts';
import { readClassNames } from '../class-names.ts';
import {
  type ClassifierFlags,
  hintsOf,
  normalizationOf,
  withClassifierOptions,
} from '../classifier-options.ts';
import { CliError, EXIT_USAGE } from '../cli-error.ts';
import { addFactFlags, type FactFlags, factsOf, givenFact } from '../convert/fact-flags.ts';
import { idFromFlags, refuseOtherContent } from '../convert/place.ts';
import { showConversion } from '../convert-progress.ts';
import { isInstalledFolder, registerModels } from '../register-models.ts';
import { interrupted, onStopSignal } from '../stop-signal.ts';

interface ConvertFlags extends ClassifierFlags, FactFlags {
  readonly preset?: string;
  readonly diffusion: string;
  readonly classifier?: string;
  readonly key?: string;
  readonly classifierKey?: string;
  readonly out?: string;
  readonly id?: string;
  readonly weights?: 'float32' | 'float16';
  readonly dtype?: 'fp32' | 'fp16';
}

export function convertCommand(): Command {
  const command = new Command('convert')
    .description('Convert checkpoints (.pt, .safetensors) to ONNX graphs with the gradient for guidance.')
    .argument('[recipe]', 'a preset by its name, or a .json file that says what the weights do not')
    .option('--preset <name>', 'a released model: imagenet-64, imagenet-256, lsun-cat, mnist-32, ...')
    .requiredOption('--diffusion <file>', "the diffusion model's checkpoint")
    .option('--classifier <file>', "the noisy classifier's checkpoint, or any classifier as an .onnx file")
    .option('--key <key>', "the state dict's key in the diffusion model's file, if it holds several")
    .option('--classifier-key <key>', "the same for the classifier's file")
    .option('--out <folder>', 'the model folder to write (default: models/ and the id)')
    .option('--id <id>', "the model's id (default: the name of --out, else the preset's)")
    .addOption(
      new Option('--weights <type>', "how weights are stored (default: the preset's way)").choices([
        'float32',
        'float16',
      ]),
    )
    .addOption(
      new Option(
        '--dtype <type>',
        "what the torso computes in; norms, softmax and embeddings stay fp32 (default: the preset's)",
      ).choices(['fp32', 'fp16']),
    );
  return addFactFlags(withClassifierOptions(command)).action(convert);
}

async function convert(recipeName: string | undefined, flags: ConvertFlags): Promise<void> {
  if (recipeName !== undefined && flags.preset !== undefined) {
    throw new CliError('give a recipe or --preset, not both', EXIT_USAGE);
  }
  // Imported here: the other commands do not pay for it.
  const { convertModel } = await import('../../onnx/convert.ts');
  const { diffusion, key, classifierKey, weights, dtype } = flags;
  const id = idFromFlags(flags);
  const ownClassifier = ownClassifierOf(flags);
  const classifier = ownClassifier ? undefined : flags.classifier;
  const progress = showConversion(process.stderr);
  const remarks: string[] = [];
  using stop = onStopSignal();
  let manifest: ModelManifest;
  let out: string;
  try {
    const recipe = await recipeOf(recipeName ?? flags.preset, id, flags);
    out = flags.out ?? `models/${id ?? recipe.id}`;
    await refuseOtherContent(out);
    manifest = await convertModel({
      recipe,
      diffusion,
      out,
      ...(classifier !== undefined && { classifier }),
      ...(ownClassifier && { ownClassifier }),
      ...(key !== undefined && { diffusionKey: key }),
      ...(classifierKey !== undefined && { classifierKey }),
      ...(id !== undefined && { id }),
      ...(weights !== undefined && { weights }),
      ...(dtype !== undefined && { dtype }),
      onProgress: progress.part,
      onBytes: progress.bytes,
      onPrecision: (file, errors) => void remarks.push(...errors.map((error) => describe(file, error))),
      onNote: (note) => void remarks.push(`note: ${note}`),
      signal: stop.signal,
    });
  } catch (error) {
    progress.stop();
    if (stop.signal.aborted) throw interrupted();
    if (error instanceof CliError) throw error;
    throw new CliError((error as Error).message, undefined, { cause: error });
  }
  progress.stop();
  const sizes = Object.values(manifest.graphs).flatMap((graph) =>
    graph === undefined ? [] : [`${graph.file} ${size(graph.bytes + (graph.data?.bytes ?? 0))}`],
  );
  console.log(`Wrote ${manifest.id} to ${out}: ${sizes.join(', ')}`);
  for (const line of remarks) console.log(line);
  if (isInstalledFolder(out)) {
    await registerModels().catch((error: Error) => {
      throw new CliError(`the Worker's list of models is as it was: ${error.message}`, undefined, {
        cause: error,
      });
    });
    const reason = whyNotOffered(manifest);
    console.log(
      reason === undefined
        ? 'The Worker offers it from its next start on; an inference server runs it, unless it is embedded.'
        : `note: The Worker does not offer it: ${reason}. Inference servers run it.`,
    );
  }
}

/** e.g. `diffusion.onnx: output within 3.1e-3 of float32, where the largest is 4.2 (one image of noise)`. */
function describe(file: string, { output, error, largest }: PrecisionError): string {
  const within = `${output} within ${error.toExponential(1)} of float32`;
  return `${file}: ${within}, where the largest is ${largest.toPrecision(2)} (one image of noise)`;
}

async function recipeOf(
  name: string | undefined,
  id: string | undefined,
  flags: ConvertFlags,
): Promise<Recipe> {
  const ownClassifier = ownClassifierOf(flags);
  if (name !== undefined) {
    const { classes, ...others } = flags;
    const superfluous = givenFact(ownClassifier ? others : flags);
    if (superfluous) {
      throw new Error(`${superfluous} is for a model without a preset; ${name} says it already`);
    }
    const { loadRecipe, withOwnClassifier } = await import('../../onnx/convert/recipe.ts');
    const recipe = await loadRecipe(name);
    if (!ownClassifier) return recipe;
    return withOwnClassifier(recipe, classes === undefined ? undefined : await readClassNames(classes));
  }
  const { inferRecipe } = await import('../../onnx/convert/infer-recipe.ts');
  const { diffusion, classifier } = flags;
  return inferRecipe(
    { path: diffusion, key: flags.key },
    classifier === undefined || ownClassifier ? undefined : { path: classifier, key: flags.classifierKey },
    await factsOf(flags, id),
    ownClassifier,
  );
}

/** @throws {CliError} if what an .onnx classifier's file leaves open is said of none */
function ownClassifierOf(flags: ConvertFlags): OwnClassifier | undefined {
  const { classifier: path } = flags;
  if (path?.endsWith('.onnx')) return { path, hints: hintsOf(flags), ...normalizationOf(flags) };
  const stray = (['input', 'output', 'timestep', 'mean', 'std'] as const).find(
    (flag) => flags[flag] !== undefined,
  );
  if (stray) throw new CliError(`--${stray} is for a --classifier that is an .onnx file`, EXIT_USAGE);
  return undefined;
}

function size(bytes: number): string {
  return bytes < 1e7 ? `${(bytes / 1000).toFixed(0)} kB` : `${(bytes / 1e6).toFixed(0)} MB`;
}
