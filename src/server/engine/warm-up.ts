import { elementCount, emptyData } from '../../inference/oip/datatype.ts';
import type { NamedTensor } from '../../inference/oip/tensor.ts';
import type { TensorSignature } from '../model-runner.ts';
import type { EngineProcess } from './engine-process.ts';
import { imagesAtATime } from './in-parts.ts';
import type { LoadMessage } from './messages.ts';

/** TensorRT builds its engines in the first run of a shape, which may take many minutes. */
const LIMIT_MS = 3_600_000;

/**
 * Runs every graph on zeros, in batches of each of the sizes, so that no request pays for what is set up at first use.
 *
 * @throws {Error} if a graph can't be run
 */
export async function warmUp(
  process: Pick<EngineProcess, 'run'>,
  { graphs, settings }: Pick<LoadMessage, 'graphs' | 'settings'>,
  sizes: readonly number[],
): Promise<void> {
  for (const { graph, file, signature } of graphs) {
    // A larger batch is run in parts of so many images.
    const most = imagesAtATime(file, settings);
    for (const size of new Set(sizes.map((wanted) => Math.min(wanted, most)))) {
      const inputs = signature.inputs.map((input) => zeros(input, size));
      const outputs = signature.outputs.map(({ name }) => name);
      await process.run(graph, inputs, outputs, LIMIT_MS);
    }
  }
}

function zeros({ name, datatype, shape }: TensorSignature, size: number): NamedTensor {
  const batch = shape.map((dim) => (dim === -1 ? size : dim));
  return { name, datatype, shape: batch, data: emptyData(datatype, elementCount(batch)) };
}
