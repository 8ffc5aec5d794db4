/** A SQLite database of a durable object with numbered migrations: what the stores of jobs and batches share. */
import { type SQLSchemaMigration, SQLSchemaMigrations } from 'durable-utils/sql-migrations';

export abstract class MigratedStore {
  protected readonly storage: DurableObjectStorage;
  protected readonly sql: SqlStorage;
  readonly #migrations: SQLSchemaMigrations;
  readonly #table: string;

  /** @param table the first migration makes it */
  constructor(storage: DurableObjectStorage, migrations: SQLSchemaMigration[], table: string) {
    this.storage = storage;
    this.sql = storage.sql;
    this.#migrations = new SQLSchemaMigrations({ doStorage: storage, migrations });
    this.#table = table;
  }

  migrate(): Promise<unknown> {
    return this.#migrations.runAll();
  }

  /** Whether anything was ever stored here; asking writes nothing, so that a probed id leaves no object behind. */
  exists(): boolean {
    const found = this.sql.exec("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", this.#table);
    return found.toArray().length > 0;
  }
}
