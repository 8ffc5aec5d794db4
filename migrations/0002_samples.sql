-- The index of samples: what lists and quotas are read from. The job's durable object is the truth, and owes its row
-- every change until it is written.
CREATE TABLE sample (
  id TEXT PRIMARY KEY,
  account TEXT NOT NULL REFERENCES account (id),
  status TEXT NOT NULL,                   -- as the API shows it
  model TEXT NOT NULL,
  kind TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  finished_at INTEGER,                    -- null: it counts as an active job
  expires_at INTEGER,
  count INTEGER NOT NULL,                 -- images
  steps INTEGER NOT NULL,
  priority TEXT NOT NULL,
  metadata TEXT NOT NULL,                 -- JSON object of strings
  image_steps INTEGER NOT NULL,           -- what it took of the day's quota
  version INTEGER NOT NULL                -- of the job's last word; 0: the job itself has not said a word yet
);
CREATE INDEX sample_by_time ON sample (account, created_at DESC, id DESC);
CREATE INDEX sample_active ON sample (account) WHERE finished_at IS NULL;
CREATE INDEX sample_unconfirmed ON sample (account, created_at) WHERE version = 0;

-- A key names the one sample that requests with it make, whatever is lost on the way.
CREATE TABLE idempotency_key (
  account TEXT NOT NULL REFERENCES account (id),
  key TEXT NOT NULL,
  hash TEXT NOT NULL,                     -- SHA-256 of the request, hexadecimal
  sample TEXT NOT NULL,
  expires_at INTEGER NOT NULL,
  PRIMARY KEY (account, key)
);
CREATE INDEX idempotency_key_expiry ON idempotency_key (account, expires_at);
CREATE INDEX idempotency_key_sample ON idempotency_key (sample);

-- What an account has asked for in a day, whether or not it is still there.
CREATE TABLE daily_use (
  account TEXT NOT NULL REFERENCES account (id),
  day TEXT NOT NULL,                      -- UTC, 2026-11-22
  images INTEGER NOT NULL,
  image_steps INTEGER NOT NULL,
  PRIMARY KEY (account, day)
);

-- An account's own limits. null: as the deployment says.
ALTER TABLE account ADD COLUMN active_jobs INTEGER;
ALTER TABLE account ADD COLUMN running_jobs INTEGER;
ALTER TABLE account ADD COLUMN images_per_day INTEGER;
ALTER TABLE account ADD COLUMN image_steps_per_day INTEGER;
