/** The stays of a job in the queue of its account, as they are stored: see Turn. */
export class TurnStore {
  readonly #sql: SqlStorage;
  /**
   * Asked again whenever a reader wants it: not worth a write, and forgotten with the object. Its column of earlier
   * versions stays, for one of them may have to come back.
   */
  #position: number | null = null;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  /** While it waits: counted from 1, which is next; null before the queue was heard. */
  get position(): number | null {
    return this.#position;
  }

  /** What the queue answered whom it was asked for, while this stay goes on. */
  setPosition(ticket: number, position: number | null): void {
    const { current } = this.#sql
      .exec<{ current: number }>("SELECT ticket = ? AND turn = 'waiting' AS current FROM job", ticket)
      .one();
    if (current === 1) this.#position = position;
  }

  /** From now on the job wants to walk: in a new stay, unless it is in one. */
  want(now: number): void {
    const begun = this.#sql.exec(
      `UPDATE job SET turn = 'waiting', ticket = ticket + 1, turn_since = ?, turn_heard_at = 0
       WHERE turn IN ('out', 'leaving') RETURNING ticket`,
      now,
    );
    if (begun.toArray().length > 0) this.#position = null;
  }

  /** The queue has given it a place. A word about an earlier stay changes nothing. */
  granted(ticket: number, now: number): void {
    this.#sql.exec(
      "UPDATE job SET turn = 'granted', turn_heard_at = ? WHERE ticket = ? AND turn = 'waiting'",
      now,
      ticket,
    );
  }

  /** The queue has it wait. */
  heard(ticket: number, position: number | null, now: number): void {
    this.#sql.exec("UPDATE job SET turn_heard_at = ? WHERE ticket = ? AND turn = 'waiting'", now, ticket);
    this.setPosition(ticket, position);
  }

  /** Gives its place up; there is no way back into this stay. */
  beginLeaving(): void {
    this.#sql.exec("UPDATE job SET turn = 'leaving' WHERE turn <> 'out'");
  }

  /** The queue has heard that it left. */
  left(ticket: number): void {
    this.#sql.exec("UPDATE job SET turn = 'out' WHERE ticket = ? AND turn = 'leaving'", ticket);
  }
}
