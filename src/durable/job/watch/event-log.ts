/**
 * What happened to a job, for whoever watches it, under ids that grow.
 *
 * The log holds what is still true: every status, every written image and the end, but of steps only the latest and of
 * each image only the latest preview, however long the job is. A reader is a position in the log, so one that was slow
 * or away goes on from there and misses nothing but what has been replaced since.
 */
import type { PreviewSheet } from '../../batch/previews.ts';

export type EventKind = 'status' | 'step' | 'preview' | 'output' | 'done';

/** A value that JSON can hold. */
export type EventData = Readonly<Record<string, unknown>>;

export interface LoggedEvent {
  readonly id: number;
  readonly kind: EventKind;
  readonly data: EventData;
}

interface EventRow extends Record<string, SqlStorageValue> {
  id: number;
  kind: EventKind;
  subject: string | null;
  data: string;
}

/** Statuses that are kept: a backend that comes and goes for a month must not fill the object. */
const MAX_STATUSES = 1_000;
/** Rows that are looked at for one reader at once. */
const PAGE = 256;

export class EventLog {
  readonly #storage: DurableObjectStorage;
  readonly #sql: SqlStorage;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
    this.#sql = storage.sql;
  }

  /** All of it or nothing. */
  together(change: () => void): void {
    this.#storage.transactionSync(change);
  }

  /** Id of the newest event; 0 before the first. */
  last(): number {
    return this.#sql.exec<{ id: number }>('SELECT coalesce(max(id), 0) AS id FROM watch_event').one().id;
  }

  /** The event that ended the job, and which of its lives that was; null while it goes on. */
  done(): { readonly id: number; readonly life: number } | null {
    const done = this.#newest('done');
    return done === null ? null : { id: done.id, life: Number(done.subject) };
  }

  /**
   * @param key two statuses in a row with the same key are one, whose details may change
   * @returns whether the key is new
   */
  setStatus(key: string, data: EventData): boolean {
    const newest = this.#newest('status');
    if (newest?.subject === key) return false;
    this.#add('status', data, key);
    this.#sql.exec(
      `DELETE FROM watch_event WHERE kind = 'status' AND id <=
       (SELECT id FROM watch_event WHERE kind = 'status' ORDER BY id DESC LIMIT 1 OFFSET ?)`,
      MAX_STATUSES,
    );
    return true;
  }

  /** In place of the newest status, if its details have changed. */
  updateStatus(key: string, data: EventData): void {
    if (this.setStatus(key, data)) return;
    const newest = this.#newest('status')!;
    if (newest.data === JSON.stringify(data)) return;
    this.#sql.exec('DELETE FROM watch_event WHERE id = ?', newest.id);
    this.#add('status', data, key);
  }

  /** In place of the step before, if it is another. */
  setStep(data: EventData): void {
    if (this.#newest('step')?.data === JSON.stringify(data)) return;
    this.#sql.exec("DELETE FROM watch_event WHERE kind = 'step'");
    this.#add('step', data);
  }

  /** Images whose writing was told. */
  outputs(): Set<number> {
    const rows = this.#sql.exec<{ subject: string }>("SELECT subject FROM watch_event WHERE kind = 'output'");
    return new Set(rows.toArray().map(({ subject }) => Number(subject)));
  }

  addOutput(image: number): void {
    this.#add('output', { index: image }, String(image));
  }

  addDone(life: number): void {
    this.#add('done', {}, String(life));
  }

  /** The job goes on after all: what was said of its end is no longer true. */
  removeDone(): void {
    this.#sql.exec("DELETE FROM watch_event WHERE kind = 'done'");
  }

  /** Keeps previews, each in place of the one of its image before, until {@link announcePreviews} makes them events. */
  savePreviews({ step, images }: PreviewSheet): void {
    for (const { index, png } of images) {
      this.#sql.exec(
        `INSERT INTO preview (image, step, png) VALUES (?, ?, ?)
         ON CONFLICT (image) DO UPDATE SET step = excluded.step, png = excluded.png, event = NULL
         WHERE excluded.step >= step`,
        index,
        step,
        png,
      );
    }
  }

  /**
   * Makes events of saved previews: one for each step among them, those that wait the longest first.
   *
   * @param maxCharacters of data URLs; at least one preview goes
   * @returns whether more are waiting
   */
  announcePreviews(maxCharacters: number): boolean {
    const waiting = this.#sql
      .exec<{ image: number; step: number; size: number }>(
        'SELECT image, step, length(png) AS size FROM preview WHERE event IS NULL ORDER BY announced, image',
      )
      .toArray();
    const events = new Map<number, number>();
    let characters = 0;
    let announced = 0;
    for (const { image, step, size } of waiting) {
      if (announced > 0 && characters + size > maxCharacters) break;
      characters += size;
      announced++;
      const event = events.get(step) ?? this.#add('preview', { step });
      events.set(step, event);
      this.#sql.exec('UPDATE preview SET event = ?1, announced = ?1 WHERE image = ?2', event, image);
    }
    if (announced > 0) {
      this.#sql.exec(
        `DELETE FROM watch_event WHERE kind = 'preview'
         AND id NOT IN (SELECT event FROM preview WHERE event IS NOT NULL)`,
      );
    }
    return announced < waiting.length;
  }

  clearPreviews(): void {
    this.#sql.exec('DELETE FROM preview');
    this.#sql.exec("DELETE FROM watch_event WHERE kind = 'preview'");
  }

  /**
   * What came after an event, oldest first.
   *
   * @param maxCharacters of what is returned, about; at least one event comes if there is one
   */
  after(id: number, maxCharacters: number): LoggedEvent[] {
    const events: LoggedEvent[] = [];
    let characters = 0;
    const rows = this.#sql.exec<EventRow>(
      `SELECT id, kind, subject, data FROM watch_event WHERE id > ?
       AND (kind <> 'preview' OR id IN (SELECT event FROM preview)) ORDER BY id LIMIT ?`,
      id,
      PAGE,
    );
    for (const row of rows.toArray()) {
      const images = row.kind === 'preview' ? this.#imagesOf(row.id) : null;
      const size = row.data.length + (images?.reduce((sum, { png }) => sum + png.length, 0) ?? 0);
      if (events.length > 0 && characters + size > maxCharacters) break;
      characters += size;
      const data: EventData = JSON.parse(row.data);
      events.push({ id: row.id, kind: row.kind, data: images === null ? data : { ...data, images } });
    }
    return events;
  }

  #imagesOf(event: number): { index: number; png: string }[] {
    return this.#sql
      .exec<{ index: number; png: string }>(
        'SELECT image AS "index", png FROM preview WHERE event = ? ORDER BY image',
        event,
      )
      .toArray();
  }

  #newest(kind: EventKind): EventRow | null {
    const [row] = this.#sql
      .exec<EventRow>(
        'SELECT id, kind, subject, data FROM watch_event WHERE kind = ? ORDER BY id DESC LIMIT 1',
        kind,
      )
      .toArray();
    return row ?? null;
  }

  #add(kind: EventKind, data: EventData, subject: string | null = null): number {
    return this.#sql
      .exec<{ id: number }>(
        'INSERT INTO watch_event (kind, subject, data) VALUES (?, ?, ?) RETURNING id',
        kind,
        subject,
        JSON.stringify(data),
      )
      .one().id;
  }
}
