/** `cairn serve` in a process of its own. Arguments: the folder of model folders, the execution provider. */
import { executionProvider } from '../../models/manifest.ts';
import { startServer } from '../../server/index.ts';

const [modelsDir, provider] = process.argv.slice(2) as [string, string];
const server = await startServer({
  modelsDir,
  provider: executionProvider.parse(provider),
  host: '127.0.0.1',
  port: 0,
});
process.send!(server.url);
process.on('disconnect', () => process.exit());
