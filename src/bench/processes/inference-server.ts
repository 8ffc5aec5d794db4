/** `cairn serve` in a process of its own. Arguments: threads per run. */
import { fileURLToPath } from 'node:url';
import { startServer } from '../../server/index.ts';

const server = await startServer({
  modelsDir: fileURLToPath(new URL('../../../models', import.meta.url)),
  host: '127.0.0.1',
  port: 0,
  threads: Number(process.argv[2]),
});
process.send!(server.url);
process.on('disconnect', () => process.exit());
