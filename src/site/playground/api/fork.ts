/** Forks, as the page asks for them. */
import { errorOf } from '../../../client/error.ts';
import type { SampleResponse } from '../../../client/index.ts';
import type { ForkRequest } from '../../../functions/schemas/fork-request.ts';

export async function forkSample(key: string, id: string, request: ForkRequest): Promise<SampleResponse> {
  const response = await fetch(forkPath(id), {
    method: 'POST',
    headers: { Authorization: `Bearer ${key}`, 'Content-Type': 'application/json' },
    body: JSON.stringify(request),
  });
  if (!response.ok) throw await errorOf(response);
  return (await response.json()) as SampleResponse;
}

export function forkPath(id: string): string {
  return `/v1/samples/${encodeURIComponent(id)}/fork`;
}
