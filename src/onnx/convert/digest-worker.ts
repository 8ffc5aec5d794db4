/** The other thread of digest.ts. */
import { createHash } from 'node:crypto';
import { parentPort } from 'node:worker_threads';
import type { DigestRequest } from './digest.ts';

const hash = createHash('sha256');

parentPort!.on('message', (request: DigestRequest) => {
  if (request !== null) hash.update(request);
  parentPort!.postMessage(request === null ? hash.digest('hex') : undefined);
});
