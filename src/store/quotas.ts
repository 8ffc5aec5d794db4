/** What an account may use, and what it has used. */
import type { D1Database } from '@cloudflare/workers-types';

export interface Quotas {
  /** Jobs that are not over, at the same time. */
  readonly activeJobs: number;
  /** Jobs that take steps at the same time; the rest wait in the account's queue. */
  readonly runningJobs: number;
  readonly imagesPerDay: number;
  /** Images times steps. */
  readonly imageStepsPerDay: number;
}

/** What is null is as the deployment says. */
export type QuotaOverrides = { readonly [K in keyof Quotas]: number | null };

export interface Use {
  readonly activeJobs: number;
  readonly images: number;
  readonly imageSteps: number;
}

export interface AccountUse {
  readonly quotas: Quotas;
  readonly use: Use;
}

export interface QuotaRow {
  readonly active_jobs: number | null;
  readonly running_jobs: number | null;
  readonly images_per_day: number | null;
  readonly image_steps_per_day: number | null;
}

export interface UseRow extends QuotaRow {
  readonly active: number;
  readonly images: number;
  readonly image_steps: number;
}

/** @param now ms since the epoch @returns the day in UTC, e.g. `2026-11-22` */
export function dayOf(now: number): string {
  return new Date(now).toISOString().slice(0, 10);
}

/** When the day's quotas begin anew, ms since the epoch. */
export function endOfDay(now: number): number {
  return Date.parse(dayOf(now)) + 86_400_000;
}

/** Columns of a {@link UseRow} from `account a LEFT JOIN daily_use u`. */
export const USE_COLUMNS = `a.active_jobs, a.running_jobs, a.images_per_day, a.image_steps_per_day,
  (SELECT count(*) FROM sample WHERE account = a.id AND finished_at IS NULL) AS active,
  coalesce(u.images, 0) AS images, coalesce(u.image_steps, 0) AS image_steps`;

/** Null if there is no such account. */
export async function readUse(
  db: D1Database,
  account: string,
  defaults: Quotas,
  now: number,
): Promise<AccountUse | null> {
  const row = await db
    .prepare(
      `SELECT ${USE_COLUMNS} FROM account a LEFT JOIN daily_use u ON u.account = a.id AND u.day = ?
       WHERE a.id = ?`,
    )
    .bind(dayOf(now), account)
    .first<UseRow>();
  return row === null ? null : toUse(row, defaults);
}

/** @returns whether there is such an account */
export async function setQuotas(
  db: D1Database,
  account: string,
  { activeJobs, runningJobs, imagesPerDay, imageStepsPerDay }: QuotaOverrides,
): Promise<boolean> {
  const { meta } = await db
    .prepare(
      `UPDATE account SET active_jobs = ?, running_jobs = ?, images_per_day = ?, image_steps_per_day = ?
       WHERE id = ?`,
    )
    .bind(activeJobs, runningJobs, imagesPerDay, imageStepsPerDay, account)
    .run();
  return meta.changes > 0;
}

export async function readOverrides(db: D1Database, account: string): Promise<QuotaOverrides | null> {
  const row = await db
    .prepare(
      'SELECT active_jobs, running_jobs, images_per_day, image_steps_per_day FROM account WHERE id = ?',
    )
    .bind(account)
    .first<QuotaRow>();
  return row === null ? null : toOverrides(row);
}

export function toUse(row: UseRow, defaults: Quotas): AccountUse {
  return {
    quotas: withDefaults(toOverrides(row), defaults),
    use: { activeJobs: row.active, images: row.images, imageSteps: row.image_steps },
  };
}

export function withDefaults(overrides: QuotaOverrides, defaults: Quotas): Quotas {
  return {
    activeJobs: overrides.activeJobs ?? defaults.activeJobs,
    runningJobs: overrides.runningJobs ?? defaults.runningJobs,
    imagesPerDay: overrides.imagesPerDay ?? defaults.imagesPerDay,
    imageStepsPerDay: overrides.imageStepsPerDay ?? defaults.imageStepsPerDay,
  };
}

function toOverrides(row: QuotaRow): QuotaOverrides {
  return {
    activeJobs: row.active_jobs,
    runningJobs: row.running_jobs,
    imagesPerDay: row.images_per_day,
    imageStepsPerDay: row.image_steps_per_day,
  };
}
