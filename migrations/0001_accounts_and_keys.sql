-- Who may call, and with what. Everything a caller makes belongs to the account of its key.
CREATE TABLE account (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  created_at INTEGER NOT NULL             -- ms since the epoch, here and below
);

-- A key is shown once; what is kept is the SHA-256 of it (hexadecimal). It has 260 random bits: a slow hash adds nothing.
CREATE TABLE api_key (
  id TEXT PRIMARY KEY,
  account TEXT NOT NULL REFERENCES account (id),
  name TEXT NOT NULL,
  scopes TEXT NOT NULL,                   -- JSON array
  hash TEXT NOT NULL UNIQUE,
  hint TEXT NOT NULL,                     -- last four characters, to tell keys apart
  previous_hash TEXT UNIQUE,              -- after a rotation: the old key,
  previous_until INTEGER,                 -- which works until then
  created_at INTEGER NOT NULL,
  expires_at INTEGER,
  revoked_at INTEGER,
  last_used_at INTEGER
);
CREATE INDEX api_key_account ON api_key (account, created_at);
