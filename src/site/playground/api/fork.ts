/** Forks, as the page asks for them. */

import { errorOf } from '../../../client/error.ts';
import type { SampleRequest, SampleResponse } from '../../../client/index.ts';

export interface ForkRequest {
  /** Steps that are shared. */
  readonly step: number;
  readonly class?: SampleRequest['class'];
  readonly classes?: SampleRequest['classes'];
  readonly guidance_scale?: SampleRequest['guidance_scale'];
  readonly sampler?: SampleRequest['sampler'];
  /** Of the tail. */
  readonly steps?: SampleRequest['steps'];
}

/** A sample, and what parts of the API may say of it that are not everywhere. */
export type Sample = SampleResponse & {
  readonly forked_from?: { readonly id: string; readonly step: number } | null;
  readonly outputs: { readonly animation?: string | null };
};

export async function forkSample(key: string, id: string, request: ForkRequest): Promise<Sample> {
  const response = await fetch(forkPath(id), {
    method: 'POST',
    headers: { Authorization: `Bearer ${key}`, 'Content-Type': 'application/json' },
    body: JSON.stringify(request),
  });
  if (!response.ok) throw await errorOf(response);
  return (await response.json()) as Sample;
}

export function forkPath(id: string): string {
  return `/v1/samples/${encodeURIComponent(id)}/fork`;
}
