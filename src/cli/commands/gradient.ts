/** `cairn gradient`: the gradient graph of any classifier in ONNX form. */
import { basename } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import type { GraphFile } from '../../models/manifest.ts';
import type { DerivedGradient } from '../../onnx/gradient/derive-gradient.ts';
import {
  type ClassifierFlags,
  hintsOf,
  normalizationOf,
  withClassifierOptions,
} from '../classifier-options.ts';
import { CliError, EXIT_USAGE } from '../cli-error.ts';
import { showConversion } from '../convert-progress.ts';
import { interrupted, onStopSignal } from '../stop-signal.ts';

interface GradientFlags extends ClassifierFlags {
  readonly out: string;
  readonly operators?: boolean;
  readonly size?: readonly [number, number];
}

export function gradientCommand(): Command {
  const command = new Command('gradient')
    .description(
      "Derive the gradient of a classifier's log-probabilities with respect to its image (ONNX to ONNX).",
    )
    .argument('[model]', 'the classifier, an .onnx file of operator set 13 or newer')
    .option('--out <file>', 'the graph to write', 'gradient.onnx');
  return withClassifierOptions(command)
    .option(
      '--size <pixels>',
      'image size, 224 or 224x160 (height x width), if the file leaves it open',
      imageSize,
    )
    .option('--operators', 'print the table of operators with a gradient, and do nothing else')
    .action(gradient);
}

function imageSize(text: string): readonly [number, number] {
  const [, height, width = height] = /^([1-9]\d{0,4})(?:x([1-9]\d{0,4}))?$/.exec(text) ?? [];
  if (height === undefined)
    throw new InvalidArgumentError('Expected pixels: 224, or height x width: 224x160.');
  return [Number(height), Number(width)];
}

async function gradient(path: string | undefined, flags: GradientFlags): Promise<void> {
  if (flags.operators) {
    const { operatorTable } = await import('../../onnx/gradient/operator-table.ts');
    process.stdout.write(operatorTable());
    return;
  }
  if (path === undefined) throw new CliError("missing required argument 'model'", EXIT_USAGE);
  await derive(path, flags);
}

async function derive(path: string, flags: GradientFlags): Promise<void> {
  // Imported here: the other commands do not pay for it.
  const { deriveGradient } = await import('../../onnx/gradient/derive-gradient.ts');
  const { InterfaceError } = await import('../../onnx/gradient/classifier-interface.ts');
  const { openModel } = await import('../../onnx/graph/index.ts');
  const { replaceFiles } = await import('../../onnx/convert/model-folder.ts');
  const { writeGraph } = await import('../../onnx/convert/write-graph.ts');
  const { reasonOf } = await import('../../onnx/file-error.ts');
  const progress = showConversion(process.stderr);
  using stop = onStopSignal();
  try {
    using model = await openModel(path);
    const derived = await deriveGradient(model.graph, {
      hints: hintsOf(flags),
      ...normalizationOf(flags),
      ...(flags.size !== undefined && { imageSize: flags.size }),
    });
    // Weights beside the classifier stay beside its gradient.
    const layout = model.externalFiles.length > 0 ? { externalFrom: 0 } : {};
    if (process.stderr.isTTY) progress.part('gradient', 0, 1);
    const written = await replaceFiles(
      flags.out,
      (folder) =>
        writeGraph(folder, basename(flags.out), derived.graph, { ...layout, onBytes: progress.bytes }),
      stop.signal,
    ).catch((error: unknown) => {
      // The system refused to write; anything else is about the classifier.
      if (!(error instanceof Error && 'syscall' in error)) throw error;
      throw new CliError(`--out ${flags.out}: ${reasonOf(error)}`, undefined, { cause: error });
    });
    progress.stop();
    report(derived);
    console.log(`Wrote ${flags.out}: ${sizes(written)} (the classifier: ${kilobytes(model.bytes)})`);
  } catch (error) {
    progress.stop();
    if (stop.signal.aborted) throw interrupted();
    if (error instanceof CliError) throw error;
    const exitCode = error instanceof InterfaceError ? EXIT_USAGE : undefined;
    throw new CliError(`${path}: ${reasonOf(error)}`, exitCode, { cause: error });
  }
}

function report({ graph, names, notes, operators }: DerivedGradient): void {
  const show = (values: DerivedGradient['graph']['inputs']) =>
    values.map(({ name, dtype, shape }) => `${name} ${dtype}[${shape.join(', ')}]`).join(', ');
  const count = [...operators.values()].reduce((sum, nodes) => sum + nodes, 0);
  console.log(
    `image ${names.image}, ${names.timestep ? `timestep ${names.timestep}, ` : ''}output ${names.logits}`,
  );
  for (const note of notes) console.log(`note: ${note}`);
  if (names.timestep === undefined) {
    console.log('note: there is no timestep; `cairn models add-classifier` gives it to a model folder');
  }
  const list = [...operators].map(([opType, nodes]) => `${opType} ${nodes}`).join(', ');
  console.log(`differentiated ${count} nodes on the path from image to logits: ${list}`);
  console.log(`in:  ${show(graph.inputs)}`);
  console.log(`out: ${show(graph.outputs)}`);
}

function sizes({ bytes, data }: GraphFile): string {
  return data === undefined
    ? kilobytes(bytes)
    : `${kilobytes(bytes)}, and its weights in ${data.file} beside it: ${kilobytes(data.bytes)}`;
}

function kilobytes(bytes: number): string {
  return `${(bytes / 1000).toFixed(0)} kB`;
}
