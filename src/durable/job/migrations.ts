/** Schema of a job object's SQLite database. Never change a migration that has shipped: add one. */
import type { SQLSchemaMigration } from 'durable-utils/sql-migrations';

export const jobMigrations: SQLSchemaMigration[] = [
  {
    idMonotonicInc: 1,
    description: 'one job, what its batches last said, and the delivery of its webhook',
    sql: `
      CREATE TABLE IF NOT EXISTS job (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        spec TEXT NOT NULL,
        status TEXT NOT NULL,          -- active, succeeded, failed, canceled
        ending TEXT,                   -- failed or canceled, while batches still have to stop
        failure TEXT,
        created_at INTEGER NOT NULL,
        finished_at INTEGER
      );
      CREATE TABLE IF NOT EXISTS batch (
        idx INTEGER PRIMARY KEY,
        report TEXT,                   -- last BatchReport; null before the batch was started
        seen_at INTEGER NOT NULL DEFAULT 0
      );
      CREATE TABLE IF NOT EXISTS webhook (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        id TEXT NOT NULL,
        status TEXT NOT NULL,          -- pending, delivered, dead
        attempts INTEGER NOT NULL DEFAULT 0,
        last_result TEXT,
        enqueue_at INTEGER             -- when it goes (again) to the queue; null when settled
      );
    `,
  },
  {
    idMonotonicInc: 2,
    description: 'pauses, lives, and changes of course',
    sql: `
      ALTER TABLE job ADD COLUMN paused INTEGER NOT NULL DEFAULT 0;
      ALTER TABLE job ADD COLUMN life INTEGER NOT NULL DEFAULT 1;  -- raised when a failed job is taken up again
      CREATE TABLE IF NOT EXISTS patch (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        at INTEGER NOT NULL,
        body TEXT NOT NULL
      );
    `,
  },
  {
    idMonotonicInc: 3,
    description: 'what the index of samples was told',
    sql: `
      ALTER TABLE job ADD COLUMN indexed TEXT;
      ALTER TABLE job ADD COLUMN index_version INTEGER NOT NULL DEFAULT 0;
    `,
  },
  {
    idMonotonicInc: 4,
    description: "its place in the account's queue",
    sql: `
      ALTER TABLE job ADD COLUMN turn TEXT NOT NULL DEFAULT 'out';  -- out, waiting, granted, leaving
      ALTER TABLE job ADD COLUMN ticket INTEGER NOT NULL DEFAULT 0;
      ALTER TABLE job ADD COLUMN turn_since INTEGER NOT NULL DEFAULT 0;
      ALTER TABLE job ADD COLUMN turn_heard_at INTEGER NOT NULL DEFAULT 0;
      ALTER TABLE job ADD COLUMN turn_position INTEGER;
    `,
  },
  {
    idMonotonicInc: 5,
    description: 'events for those who watch, and the latest preview of every image',
    sql: `
      CREATE TABLE IF NOT EXISTS watch_event (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        kind TEXT NOT NULL,            -- status, step, preview, output, done
        subject TEXT,                  -- what makes a status another one; image of an output
        data TEXT NOT NULL
      );
      CREATE INDEX IF NOT EXISTS watch_event_kind ON watch_event (kind, id);
      CREATE TABLE IF NOT EXISTS preview (
        image INTEGER PRIMARY KEY,
        step INTEGER NOT NULL,
        png TEXT NOT NULL,             -- data URL
        event INTEGER,                 -- the event that shows it; null before there is one
        announced INTEGER              -- the last event that showed this image
      );
      CREATE INDEX IF NOT EXISTS preview_event ON preview (event);
    `,
  },
  {
    idMonotonicInc: 6,
    description: 'what a receipt names, and whether every batch has what it begins with',
    sql: `
      ALTER TABLE job ADD COLUMN request_digest TEXT;
      ALTER TABLE job ADD COLUMN prepared INTEGER NOT NULL DEFAULT 0;
    `,
  },
  {
    idMonotonicInc: 7,
    description: 'events owed to webhooks, whose deliveries are kept in D1 from here on',
    sql: `
      ALTER TABLE job ADD COLUMN started INTEGER NOT NULL DEFAULT 0;  -- whether sample.started was owed
      CREATE TABLE IF NOT EXISTS owed_event (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        type TEXT NOT NULL,
        at INTEGER NOT NULL,
        snapshot TEXT NOT NULL,        -- EventSnapshot
        enqueue_at INTEGER NOT NULL    -- when the job's name goes (again) to the queue
      );
      INSERT INTO owed_event (type, at, snapshot, enqueue_at)
        SELECT 'sample.' || job.status, job.finished_at,
          json_object('status', job.status, 'createdAt', job.created_at, 'startedAt', NULL,
            'finishedAt', job.finished_at, 'failure', json(job.failure)),
          webhook.enqueue_at
        FROM webhook, job WHERE webhook.status = 'pending' AND job.finished_at IS NOT NULL;
      UPDATE webhook SET id = 'msg_' || (SELECT spec ->> 'id' FROM job) || '_1' WHERE status = 'pending';
    `,
  },
  {
    idMonotonicInc: 8,
    description: 'how long it is kept, and its tombstone',
    sql: `
      -- expires_at: retention_ms after its end; null before. removed: 1 while its parts are being deleted.
      ALTER TABLE job ADD COLUMN retention_ms INTEGER NOT NULL DEFAULT 604800000;
      ALTER TABLE job ADD COLUMN expires_at INTEGER;
      ALTER TABLE job ADD COLUMN removed INTEGER NOT NULL DEFAULT 0;
    `,
  },
  {
    idMonotonicInc: 9,
    description: 'batches by phase, what they come to together, and the file that a large run is packed into',
    sql: `
      ALTER TABLE batch ADD COLUMN phase TEXT NOT NULL DEFAULT 'fresh'; -- fresh, open, aside, succeeded, failed, canceled
      ALTER TABLE batch ADD COLUMN life INTEGER NOT NULL DEFAULT 1;     -- raised when it is taken up again
      ALTER TABLE batch ADD COLUMN failures INTEGER NOT NULL DEFAULT 0; -- since the job began or was resumed
      ALTER TABLE batch ADD COLUMN retry_at INTEGER;                    -- when it is taken up again by itself
      ALTER TABLE batch ADD COLUMN digests TEXT;                        -- of the final tensors, one after the other
      ALTER TABLE batch ADD COLUMN crc32 INTEGER;                       -- of its pixels, in a large run
      UPDATE batch SET life = (SELECT life FROM job), phase = CASE report ->> 'status'
        WHEN 'running' THEN 'open' WHEN 'finishing' THEN 'open' ELSE coalesce(report ->> 'status', 'fresh') END;
      CREATE INDEX IF NOT EXISTS batch_phase ON batch (phase, idx);
      -- Of the batches: how many succeeded, the images these have, when the first began and one last ended.
      ALTER TABLE job ADD COLUMN succeeded INTEGER NOT NULL DEFAULT 0;
      ALTER TABLE job ADD COLUMN images INTEGER NOT NULL DEFAULT 0;
      ALTER TABLE job ADD COLUMN first_started_at INTEGER;
      ALTER TABLE job ADD COLUMN batch_ended_at INTEGER;
      ALTER TABLE job ADD COLUMN tally TEXT;                            -- RunTally
      ALTER TABLE job ADD COLUMN run_digest TEXT;
      ALTER TABLE job ADD COLUMN pack_upload TEXT;                      -- of the multipart upload under way
      ALTER TABLE job ADD COLUMN pack_retry_at INTEGER NOT NULL DEFAULT 0;
      ALTER TABLE job ADD COLUMN packed INTEGER NOT NULL DEFAULT 0;
      CREATE TABLE IF NOT EXISTS pack_part (number INTEGER PRIMARY KEY, etag TEXT NOT NULL);
      UPDATE job SET succeeded = (SELECT count(*) FROM batch WHERE phase = 'succeeded'),
        first_started_at = (SELECT min(report ->> 'startedAt') FROM batch),
        batch_ended_at = (SELECT max(report ->> 'finishedAt') FROM batch);
      UPDATE job SET images = (
        SELECT coalesce(sum(min(job.spec ->> 'batchSize', (job.spec ->> 'count') - idx * (job.spec ->> 'batchSize'))), 0)
        FROM batch WHERE phase = 'succeeded');
    `,
  },
  {
    idMonotonicInc: 10,
    description: 'the steps that batches took before they were taken up again',
    sql: `
      ALTER TABLE batch ADD COLUMN reached INTEGER NOT NULL DEFAULT 0;  -- step at which its last life ended
      CREATE INDEX IF NOT EXISTS batch_reached ON batch (reached) WHERE phase = 'fresh' AND reached > 0;
    `,
  },
];
