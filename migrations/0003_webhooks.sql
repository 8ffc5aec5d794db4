-- Where an account's webhooks go, and what became of each. A job owes its events until they are here. From then on
-- this is the truth: the queue only says when to look, and whatever it loses is found here again.
CREATE TABLE webhook_endpoint (
  id TEXT PRIMARY KEY,
  account TEXT NOT NULL REFERENCES account (id),
  url TEXT NOT NULL,
  description TEXT NOT NULL,
  events TEXT NOT NULL,                   -- JSON array
  secret TEXT NOT NULL,                   -- kept as it is: a signature needs it
  previous_secret TEXT,                   -- after a rotation: the old one,
  previous_until INTEGER,                 -- which signs too until then
  created_at INTEGER NOT NULL,            -- ms since the epoch, here and below
  disabled_at INTEGER,
  disabled_reason TEXT,                   -- by_user, gone, failing
  failing_since INTEGER                   -- first failure after which nothing arrived
);
CREATE INDEX webhook_endpoint_account ON webhook_endpoint (account, created_at);

-- One event, with the bytes that every receiver gets.
CREATE TABLE webhook_message (
  id TEXT PRIMARY KEY,                    -- the header webhook-id
  account TEXT NOT NULL REFERENCES account (id),
  sample TEXT NOT NULL,
  event TEXT NOT NULL,
  body TEXT NOT NULL,
  created_at INTEGER NOT NULL
);
CREATE INDEX webhook_message_expiry ON webhook_message (created_at);

-- One message for one receiver.
CREATE TABLE webhook_delivery (
  id TEXT PRIMARY KEY,
  message TEXT NOT NULL REFERENCES webhook_message (id) ON DELETE CASCADE,
  account TEXT NOT NULL,
  sample TEXT NOT NULL,
  event TEXT NOT NULL,
  endpoint TEXT,                          -- null: the sample's own URL
  url TEXT NOT NULL,
  secret TEXT,                            -- of the sample's own URL, null: the deployment's
  status TEXT NOT NULL,                   -- pending, delivered, dead
  attempts INTEGER NOT NULL DEFAULT 0,    -- since it was last started: its place in the schedule
  next_attempt_at INTEGER,                -- while pending. Under way: when to look whether it got lost
  last_result TEXT,
  created_at INTEGER NOT NULL
);
CREATE UNIQUE INDEX webhook_delivery_target ON webhook_delivery (message, coalesce(endpoint, ''));
CREATE INDEX webhook_delivery_by_time ON webhook_delivery (account, created_at DESC, id DESC);
CREATE INDEX webhook_delivery_by_sample ON webhook_delivery (account, sample);
CREATE INDEX webhook_delivery_by_endpoint ON webhook_delivery (endpoint, status);
CREATE INDEX webhook_delivery_due ON webhook_delivery (next_attempt_at) WHERE status = 'pending';

CREATE TABLE webhook_attempt (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  delivery TEXT NOT NULL REFERENCES webhook_delivery (id) ON DELETE CASCADE,
  at INTEGER NOT NULL,
  duration_ms INTEGER NOT NULL,
  status_code INTEGER,                    -- null: there was no answer
  result TEXT NOT NULL
);
CREATE INDEX webhook_attempt_delivery ON webhook_attempt (delivery, seq);
