/** Follows a sample to its end with a live line, and says how it ended. */
import type { SampleResponse } from '../../client/index.ts';
import { CliError } from '../cli-error.ts';
import { showProgress } from '../demo/progress.ts';
import type { ApiContext } from './api-command.ts';

/**
 * The bar goes to stderr, so that stdout is the answer's alone.
 *
 * @returns the sample at its end, whichever it is
 */
export async function follow({ client, signal, json }: ApiContext, id: string): Promise<SampleResponse> {
  if (json) return client.waitForSample(id, { signal });
  const progress = showProgress(process.stderr);
  try {
    return await client.waitForSample(id, { signal, onUpdate: progress.update });
  } finally {
    progress.stop();
    if (signal.aborted) console.error(`\n${id} goes on without being watched; cairn cancel ${id} ends it.`);
  }
}

/** @throws {CliError} 1 unless it succeeded */
export function requireSuccess({ id, status, error }: SampleResponse): void {
  if (status === 'succeeded') return;
  throw new CliError(
    `${id} ${status === 'canceled' ? 'was canceled' : `failed: ${error?.message ?? 'no reason was given'}`}`,
  );
}
