/** Quotas: what the deployment grants, how an account stands, and what a refused request is told. */
import type { Context } from 'hono';
import type { Env } from '../env.ts';
import { type AccountUse, endOfDay, type Quotas } from '../store/quotas.ts';
import { Problem } from './problem.ts';

/** A place among the active jobs is free again when one of them ends: seconds after which it is worth another try. */
const ACTIVE_RETRY_SECONDS = 5;

/** What an account has that has no quotas of its own. @throws {Error} for a variable that is no whole number */
export function defaultQuotas(env: Env): Quotas {
  return {
    activeJobs: wholeNumber(env, 'QUOTA_ACTIVE_JOBS'),
    runningJobs: wholeNumber(env, 'QUOTA_RUNNING_JOBS'),
    imagesPerDay: wholeNumber(env, 'QUOTA_IMAGES_PER_DAY'),
    imageStepsPerDay: wholeNumber(env, 'QUOTA_IMAGE_STEPS_PER_DAY'),
  };
}

function wholeNumber(env: Env, name: `QUOTA_${string}` & keyof Env): number {
  if (/^\d{1,15}$/.test(env[name])) return Number(env[name]);
  throw new Error(`${name} is ${JSON.stringify(env[name])}, expected a whole number`);
}

/** What a request asks for. */
export interface Demand {
  readonly images: number;
  readonly imageSteps: number;
}

interface ExceededQuota {
  readonly name: 'active_jobs' | 'images_per_day' | 'image_steps_per_day';
  readonly limit: number;
  readonly used: number;
  readonly requested: number;
  readonly resets_at: string | null;
}

/** The quota that does not hold what is asked for; the first of several. */
export function quotaProblem(c: Context, { quotas, use }: AccountUse, demand: Demand, now: number): Problem {
  const reset = new Date(endOfDay(now)).toISOString();
  const rows: readonly ExceededQuota[] = [
    {
      name: 'active_jobs',
      limit: quotas.activeJobs,
      used: use.activeJobs,
      requested: 1,
      resets_at: null,
    },
    {
      name: 'images_per_day',
      limit: quotas.imagesPerDay,
      used: use.images,
      requested: demand.images,
      resets_at: reset,
    },
    {
      name: 'image_steps_per_day',
      limit: quotas.imageStepsPerDay,
      used: use.imageSteps,
      requested: demand.imageSteps,
      resets_at: reset,
    },
  ];
  const exceeded = rows.find(({ limit, used, requested }) => used + requested > limit) ?? rows[0]!;
  const seconds =
    exceeded.resets_at === null ? ACTIVE_RETRY_SECONDS : Math.ceil((endOfDay(now) - now) / 1000);
  c.header('Retry-After', String(seconds));
  return new Problem('quota-exceeded', explain(exceeded), [], { quota: exceeded });
}

function explain({ name, limit, used, requested, resets_at }: ExceededQuota): string {
  if (name === 'active_jobs') {
    return `${used} of at most ${limit} jobs of this account are not over; wait until one ends, or cancel one`;
  }
  const what = name === 'images_per_day' ? 'images' : 'image steps';
  return `${requested} ${what} do not fit: ${used} of today's ${limit} are used; the day ends at ${resets_at}`;
}
