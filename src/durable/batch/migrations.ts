/** Schema of a batch object's SQLite database. Never change a migration that has shipped: add one. */
import type { SQLSchemaMigration } from 'durable-utils/sql-migrations';

export const batchMigrations: SQLSchemaMigration[] = [
  {
    idMonotonicInc: 1,
    description:
      'one batch: its spec and status, the sampler state, tensors in chunks, the events of its steps',
    sql: `
      CREATE TABLE IF NOT EXISTS batch (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        spec TEXT NOT NULL,
        status TEXT NOT NULL,
        step INTEGER NOT NULL DEFAULT 0,
        sampler TEXT,                         -- scalars of the sampler state; null before x_T is drawn
        strikes INTEGER NOT NULL DEFAULT 0,   -- alarms since the last committed step that ended in no commit
        failing_since INTEGER,                -- ms; null while steps succeed
        attempts INTEGER NOT NULL DEFAULT 0,  -- failed calls since failing_since
        last_error TEXT,
        failure TEXT,
        started_at INTEGER NOT NULL,
        finished_at INTEGER,
        reported INTEGER NOT NULL DEFAULT 0   -- 1 once the job has acknowledged the end
      );
      CREATE TABLE IF NOT EXISTS tensor (
        name TEXT NOT NULL,
        seq INTEGER NOT NULL,
        data BLOB NOT NULL,
        PRIMARY KEY (name, seq)
      );
      CREATE TABLE IF NOT EXISTS event (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        at INTEGER NOT NULL,
        kind TEXT NOT NULL,
        data TEXT NOT NULL
      );
    `,
  },
  {
    idMonotonicInc: 2,
    description: 'pauses, lives, and changes of course',
    sql: `
      ALTER TABLE batch ADD COLUMN paused INTEGER NOT NULL DEFAULT 0;
      ALTER TABLE batch ADD COLUMN life INTEGER NOT NULL DEFAULT 1;
      CREATE TABLE IF NOT EXISTS patch (
        seq INTEGER PRIMARY KEY,
        step INTEGER NOT NULL,                -- first step it holds for, counted from 0
        body TEXT NOT NULL
      );
    `,
  },
  {
    idMonotonicInc: 3,
    description: 'kept steps, digests of the final tensors, and whether a walk ended in good order',
    sql: `
      ALTER TABLE batch ADD COLUMN walking INTEGER NOT NULL DEFAULT 0; -- 1 from a walk's begin to its orderly end
      ALTER TABLE batch ADD COLUMN digests TEXT;                       -- of the final tensor of each image
      CREATE TABLE IF NOT EXISTS kept (
        step INTEGER PRIMARY KEY,             -- steps taken when it was reached
        timestep INTEGER,                     -- of the trained process, evaluated next; null when the walk is over
        sampler TEXT                          -- scalars of the sampler state; null if only x_start is kept
      );
      CREATE TABLE IF NOT EXISTS kept_tensor (
        step INTEGER NOT NULL,
        what TEXT NOT NULL,                   -- x_t, x_start
        name TEXT NOT NULL,                   -- x and the solver's history, or x_start
        seq INTEGER NOT NULL,
        data BLOB NOT NULL,
        PRIMARY KEY (step, what, name, seq)
      );
    `,
  },
  {
    idMonotonicInc: 4,
    description: 'the CRC-32 of the pixels that a large run keeps by the batch',
    sql: 'ALTER TABLE batch ADD COLUMN pixels_crc32 INTEGER;',
  },
];
