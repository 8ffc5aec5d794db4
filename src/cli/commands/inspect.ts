/** `cairn inspect`: what a file is. */
import { Command } from 'commander';
import { CliError, EXIT_USAGE } from '../cli-error.ts';

interface InspectFlags {
  readonly json?: boolean;
  readonly key?: string;
}

export function inspectCommand(): Command {
  return new Command('inspect')
    .description('Say what a checkpoint or an ONNX model is: kind, options, parameters, inputs, operators.')
    .argument('<file>', 'a .pt, .safetensors or .onnx file')
    .option('--key <name>', 'the state dict under this key, if a checkpoint holds several')
    .option('--json', 'print JSON instead of a table')
    .action(inspect);
}

async function inspect(path: string, { json = false, key }: InspectFlags): Promise<void> {
  const { inspectFile } = await import('../../onnx/inspect/inspect-file.ts');
  const { inspectionText } = await import('../../onnx/inspect/text.ts');
  const inspection = await inspectFile(path, key === undefined ? {} : { key }).catch((error: Error) => {
    throw new CliError(error.message, EXIT_USAGE, { cause: error });
  });
  console.log(json ? JSON.stringify(inspection, null, 2) : inspectionText(inspection));
}
