/** The stays of a job in the queue of its account, as they are stored: see Turn. */
export class TurnStore {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  /** From now on the job wants to walk: in a new stay, unless it is in one. */
  want(now: number): void {
    this.#sql.exec(
      `UPDATE job SET turn = 'waiting', ticket = ticket + 1, turn_since = ?, turn_heard_at = 0, turn_position = NULL
       WHERE turn IN ('out', 'leaving')`,
      now,
    );
  }

  /** The queue has given it a place. A word about an earlier stay changes nothing. */
  granted(ticket: number, now: number): void {
    this.#sql.exec(
      `UPDATE job SET turn = 'granted', turn_heard_at = ?, turn_position = NULL
       WHERE ticket = ? AND turn = 'waiting'`,
      now,
      ticket,
    );
  }

  /** The queue has it wait. */
  heard(ticket: number, position: number | null, now: number): void {
    this.#sql.exec(
      "UPDATE job SET turn_heard_at = ?, turn_position = ? WHERE ticket = ? AND turn = 'waiting'",
      now,
      position,
      ticket,
    );
  }

  /** Gives its place up; there is no way back into this stay. */
  beginLeaving(): void {
    this.#sql.exec("UPDATE job SET turn = 'leaving', turn_position = NULL WHERE turn <> 'out'");
  }

  /** The queue has heard that it left. */
  left(ticket: number): void {
    this.#sql.exec("UPDATE job SET turn = 'out' WHERE ticket = ? AND turn = 'leaving'", ticket);
  }
}
