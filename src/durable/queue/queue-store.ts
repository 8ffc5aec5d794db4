/** What an account's queue remembers. Every method is one transaction: whole, or not at all. */
import { MigratedStore } from '../migrated-store.ts';
import { queueMigrations } from './migrations.ts';

/** One stay of a job in the queue. A job that comes back later comes with a higher ticket. */
export interface Ticket {
  readonly job: string;
  readonly ticket: number;
}

export interface Arrival extends Ticket {
  readonly rank: number;
  /** ms since the epoch. */
  readonly since: number;
}

export interface Entry extends Ticket {
  readonly walking: boolean;
}

interface EntryRow extends Record<string, SqlStorageValue> {
  job: string;
  ticket: number;
  walking: number;
}

export class QueueStore extends MigratedStore {
  constructor(storage: DurableObjectStorage) {
    super(storage, queueMigrations, 'entry');
  }

  settings(): { readonly account: string; readonly places: number } | null {
    const rows = this.sql.exec<{ account: string; places: number }>('SELECT account, places FROM settings');
    return rows.toArray()[0] ?? null;
  }

  /** @param places how many jobs walk at the same time */
  setPlaces(account: string, places: number): void {
    this.sql.exec('INSERT OR REPLACE INTO settings (one, account, places) VALUES (1, ?, ?)', account, places);
  }

  /** Puts the job in its place in the order; one that is in it with this ticket or a later one stays where it is. */
  enter({ job, ticket, rank, since }: Arrival, now: number): void {
    this.storage.transactionSync(() => {
      this.sql.exec('DELETE FROM entry WHERE job = ? AND ticket < ?', job, ticket);
      this.sql.exec(
        `INSERT INTO entry (job, ticket, rank, since, seen_at) VALUES (?, ?, ?, ?, ?)
         ON CONFLICT (job) DO UPDATE SET seen_at = excluded.seen_at WHERE ticket = excluded.ticket`,
        job,
        ticket,
        rank,
        since,
        now,
      );
    });
  }

  /** Gives free places to whoever is next. */
  admit(places: number, now: number): void {
    this.sql.exec(
      `UPDATE entry SET walking = 1, told = 0, seen_at = ?1 WHERE seq IN (
         SELECT seq FROM entry WHERE walking = 0 ORDER BY rank, since, seq
         LIMIT max(0, ?2 - (SELECT count(*) FROM entry WHERE walking = 1)))`,
      now,
      places,
    );
  }

  /** Ends a stay, and any before it. */
  remove({ job, ticket }: Ticket): void {
    this.sql.exec('DELETE FROM entry WHERE job = ? AND ticket <= ?', job, ticket);
  }

  isWalking({ job, ticket }: Ticket): boolean {
    const rows = this.sql.exec(
      'SELECT 1 FROM entry WHERE job = ? AND ticket = ? AND walking = 1',
      job,
      ticket,
    );
    return rows.toArray().length > 0;
  }

  /** The job has its place and knows it. */
  markTold({ job, ticket }: Ticket, now: number): void {
    this.sql.exec(
      'UPDATE entry SET told = walking, seen_at = ? WHERE job = ? AND ticket = ?',
      now,
      job,
      ticket,
    );
  }

  /** Counted from 1, which is next; null for a job that walks or is not here. */
  position(job: string): number | null {
    const [row] = this.sql
      .exec<{ position: number }>(
        `SELECT (SELECT count(*) FROM entry WHERE walking = 0 AND (rank, since, seq) <= (mine.rank, mine.since, mine.seq))
           AS position FROM entry mine WHERE job = ? AND walking = 0`,
        job,
      )
      .toArray();
    return row?.position ?? null;
  }

  /** Those that have a place and have not taken it yet. */
  untold(): Entry[] {
    return this.#entries('walking = 1 AND told = 0');
  }

  /** Those that nothing was heard of since then. */
  silentSince(time: number): Entry[] {
    return this.#entries('seen_at <= ?', time);
  }

  #entries(where: string, ...values: number[]): Entry[] {
    return this.sql
      .exec<EntryRow>(`SELECT job, ticket, walking FROM entry WHERE ${where}`, ...values)
      .toArray()
      .map(({ job, ticket, walking }) => ({ job, ticket, walking: walking === 1 }));
  }

  /** Of the entry that was heard of longest ago, ms; null for an empty queue. */
  oldestWord(): number | null {
    return this.sql.exec<{ at: number | null }>('SELECT min(seen_at) AS at FROM entry').one().at;
  }
}
