import { type Child, startChild } from './processes/child.ts';
import type { ServerArguments } from './processes/inference-server.ts';

/** Its `ready` is the server's URL. */
export function startServerProcess(settings: ServerArguments): Promise<Child> {
  return startChild('inference-server.ts', [JSON.stringify(settings)]);
}
