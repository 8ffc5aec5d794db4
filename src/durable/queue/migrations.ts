/** Schema of an account queue's SQLite database. Never change a migration that has shipped: add one. */
import type { SQLSchemaMigration } from 'durable-utils/sql-migrations';

export const queueMigrations: SQLSchemaMigration[] = [
  {
    idMonotonicInc: 1,
    description: 'who walks and who waits',
    sql: `
      CREATE TABLE IF NOT EXISTS entry (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        job TEXT NOT NULL UNIQUE,
        ticket INTEGER NOT NULL,        -- raised by the job each time it queues anew
        rank INTEGER NOT NULL,          -- of its priority, smaller first
        since INTEGER NOT NULL,         -- ms since the epoch: when it queued
        walking INTEGER NOT NULL DEFAULT 0,
        told INTEGER NOT NULL DEFAULT 0,  -- 1 once the job has taken its place
        seen_at INTEGER NOT NULL
      );
      CREATE INDEX IF NOT EXISTS entry_order ON entry (walking, rank, since, seq);
      CREATE TABLE IF NOT EXISTS settings (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        account TEXT NOT NULL,
        places INTEGER NOT NULL
      );
    `,
  },
];
