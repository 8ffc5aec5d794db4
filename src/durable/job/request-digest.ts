/** One name for all that decides a job's images: two jobs with the same digest have to end in the same tensors. */
import { hex } from '../batch/receipt.ts';
import type { SampleSpec } from '../spec.ts';

/** SHA-256 of the canonical JSON (members sorted, nothing that is absent) of the decisive part, `sha256:` before it. */
export async function digestRequest(spec: SampleSpec): Promise<string> {
  const bytes = new TextEncoder().encode(canonicalJson(decisive(spec)));
  return `sha256:${hex(await crypto.subtle.digest('SHA-256', bytes))}`;
}

function decisive(spec: SampleSpec) {
  const { kind, model, modelDigest, sampler, steps, timesteps, eta, clipDenoised, guidance } = spec;
  const { seed, count, classes, batchSize, reproducibility, precision, start, sharedSteps, course } = spec;
  return {
    ...{ kind: kind ?? 'sample', model, modelDigest, sampler, steps, timesteps, eta, clipDenoised, guidance },
    ...{ seed, count, classes, batchSize, reproducibility, precision, start, sharedSteps, course },
  };
}

/** The same text for the same value, whatever the order of its members. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined && member !== null)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${canonicalJson(member)}`).join(',')}}`;
}
