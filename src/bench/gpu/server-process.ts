/** `cairn serve` in a process of its own. Arguments: the folder of model folders, the execution provider. */
import { executionProvider } from '../../models/manifest.ts';
import { startServer } from '../../server/index.ts';
import { LARGEST_BATCH } from './sizes.ts';

const [modelsDir, provider] = process.argv.slice(2) as [string, string];
const server = await startServer({
  modelsDir,
  provider: executionProvider.parse(provider),
  host: '127.0.0.1',
  port: 0,
  // One request is one run, whatever its size, and waits for nobody.
  batching: { maxBatchSize: LARGEST_BATCH, maxWindowMs: 0 },
});
process.send!(server.url);
process.on('disconnect', () => process.exit());
