/** A SQLite database of a durable object with numbered migrations: what the stores of jobs and batches share. */
import { type SQLSchemaMigration, SQLSchemaMigrations } from 'durable-utils/sql-migrations';

/**
 * What the migrations make of an empty object, as this isolate has seen it once. A new object is made by these few
 * statements: every one of dozens of ALTER TABLE would read and check the whole schema again.
 */
const schemas = new Map<readonly SQLSchemaMigration[], string>();

export abstract class MigratedStore {
  protected readonly storage: DurableObjectStorage;
  protected readonly sql: SqlStorage;
  readonly #steps: SQLSchemaMigration[];
  readonly #table: string;
  #migrations: SQLSchemaMigrations;
  /** What is there stays there until {@link deleteAll}; it is asked of every call. */
  #there = false;

  /** @param table the first migration makes it */
  constructor(storage: DurableObjectStorage, migrations: SQLSchemaMigration[], table: string) {
    this.storage = storage;
    this.sql = storage.sql;
    this.#steps = migrations;
    this.#table = table;
    this.#migrations = this.#notYetRun();
  }

  /** A migration may write what follows from rows that are there, and no others: see {@link schemas}. */
  async migrate(): Promise<void> {
    if (!this.#migrations.hasMigrationsToRun()) return;
    const isNew = !this.exists();
    const schema = isNew ? schemas.get(this.#steps) : undefined;
    if (schema !== undefined) this.#migrations = this.#atOnce(schema);
    await this.#migrations.runAll();
    if (isNew && schema === undefined) schemas.set(this.#steps, this.#schema());
  }

  /** Whether anything is stored here; asking writes nothing, so that a probed id leaves no object behind. */
  exists(): boolean {
    this.#there ||= this.#hasTable();
    return this.#there;
  }

  /** Everything that the object keeps, its tables too: as if it had never been. */
  async deleteAll(): Promise<void> {
    this.#there = false;
    this.#migrations = this.#notYetRun();
    await this.storage.deleteAll();
  }

  #hasTable(): boolean {
    const found = this.sql.exec("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", this.#table);
    return found.toArray().length > 0;
  }

  /** One statement for each table and index that is not SQLite's or the platform's own. */
  #schema(): string {
    const rows = this.sql.exec<{ sql: string }>(
      `SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT GLOB 'sqlite_*' AND name NOT GLOB '_cf_*'
       ORDER BY rowid`,
    );
    return [...rows].map(({ sql }) => sql).join(';\n');
  }

  #atOnce(sql: string): SQLSchemaMigrations {
    const { idMonotonicInc } = this.#steps.at(-1)!;
    const migrations = [{ idMonotonicInc, description: 'all of them', sql }];
    return new SQLSchemaMigrations({ doStorage: this.storage, migrations });
  }

  #notYetRun(): SQLSchemaMigrations {
    return new SQLSchemaMigrations({ doStorage: this.storage, migrations: this.#steps });
  }
}
