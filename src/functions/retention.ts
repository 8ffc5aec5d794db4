/** How long samples are kept once they have ended. */
import type { Env } from '../env.ts';
import { MIN_RETENTION_SECONDS } from './limits.ts';
import { fieldProblem } from './problem.ts';

const DEFAULT_SECONDS = 7 * 86_400;
const DEFAULT_MAX_SECONDS = 90 * 86_400;

/**
 * @param wanted of the request; undefined: as the deployment says
 * @returns seconds
 * @throws {Problem} naming the field, for more than the deployment keeps
 * @throws {Error} if the deployment's variables are no such numbers
 */
export function retentionSeconds(wanted: number | undefined, env: Env): number {
  const max = secondsIn(env, 'MAX_RETENTION_SECONDS', DEFAULT_MAX_SECONDS);
  if (wanted === undefined) return Math.min(secondsIn(env, 'RETENTION_SECONDS', DEFAULT_SECONDS), max);
  if (wanted <= max) return wanted;
  throw fieldProblem(
    'limit-exceeded',
    '/retention_seconds',
    `expected at most ${max}: no sample is kept longer here`,
  );
}

function secondsIn(env: Env, name: 'RETENTION_SECONDS' | 'MAX_RETENTION_SECONDS', fallback: number): number {
  const text = env[name] || String(fallback);
  const seconds = Number(text);
  if (Number.isInteger(seconds) && seconds >= MIN_RETENTION_SECONDS) return seconds;
  throw new Error(
    `${name} is ${JSON.stringify(text)}, expected a whole number of at least ${MIN_RETENTION_SECONDS}`,
  );
}
