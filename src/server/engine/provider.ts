/** Whether this machine has what an execution provider needs, asked inside an engine process. */
import { GraphBuilder, serializeModel } from '../../onnx/graph/index.ts';
import { InferenceSession, listSupportedBackends } from '../../onnx/onnxruntime.ts';
import { ProviderError } from './engine-error.ts';
import { type SessionSettings, sessionOptions } from './session-settings.ts';

/**
 * Opens a graph of one Identity, so that a missing library is not taken for a bad model. onnxruntime never takes another
 * provider in the place of one it can't load.
 *
 * @throws {ProviderError} with onnxruntime's own reason
 */
export async function checkProvider(settings: SessionSettings): Promise<void> {
  const here = listSupportedBackends().map(({ name }) => name);
  if (!here.includes(settings.provider)) {
    const platform = `${process.platform} on ${process.arch}`;
    throw new ProviderError(`onnxruntime-node has it not on ${platform}, only ${here.join(', ')}`);
  }
  try {
    const session = await InferenceSession.create(identity(), sessionOptions(settings));
    await session.release();
  } catch (error) {
    throw new ProviderError(error instanceof Error ? error.message.trim() : String(error));
  }
}

function identity(): Uint8Array {
  const g = new GraphBuilder({ name: 'identity' });
  g.output(g.op('Identity', [g.input('x', 'float32', [1])]), 'y');
  return serializeModel(g.build());
}
