/** Where a batch's object is, and in which part of the world it is made. */
import type { Env } from '../env.ts';
import { batchName } from './spec.ts';

/** What the platform knows: https://developers.cloudflare.com/durable-objects/reference/data-location/ */
const LOCATIONS = ['wnam', 'enam', 'sam', 'weur', 'eeur', 'apac', 'oc', 'afr', 'me'] as const;

/**
 * The object of a batch. Without BATCH_LOCATIONS it is made near its job, which calls it first; with it, batches take
 * the locations in turns. Only the first call to an object decides.
 */
export function batchObject(env: Pick<Env, 'BATCHES' | 'BATCH_LOCATIONS'>, job: string, index: number) {
  const id = env.BATCHES.idFromName(batchName(job, index));
  const locations = readLocations(env);
  const locationHint = locations[index % locations.length];
  return env.BATCHES.get(id, locationHint === undefined ? {} : { locationHint });
}

/** @throws {Error} for a location that there is not */
export function readLocations({
  BATCH_LOCATIONS: text,
}: Pick<Env, 'BATCH_LOCATIONS'>): DurableObjectLocationHint[] {
  const names = (text ?? '').split(',').map((name) => name.trim());
  return names
    .filter((name) => name !== '')
    .map((name) => {
      const known = LOCATIONS.find((location) => location === name);
      if (known !== undefined) return known;
      throw new Error(`BATCH_LOCATIONS names "${name}"; the platform knows ${LOCATIONS.join(', ')}`);
    });
}
