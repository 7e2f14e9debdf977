-- What many tokens have in common; a token names its plan. What is NULL is the server's.
CREATE TABLE plans (
  name          TEXT PRIMARY KEY,
  description   TEXT NOT NULL DEFAULT '',
  daily_limit   INTEGER,               -- requests
  monthly_limit INTEGER,               -- requests
  per_minute    INTEGER,               -- requests of a token in any 60 seconds
  models        TEXT NOT NULL DEFAULT '',  -- those that its tokens may ask, a line for each; '': all
  expires_at    TEXT,                  -- ISO 8601 UTC; NULL: never
  source        TEXT NOT NULL CHECK (source IN ('api', 'file')),
  used_up_until TEXT                   -- as that of tokens, for all tokens of the plan: set when its limits change
) WITHOUT ROWID;

-- A token's limits are its own, or NULL: then its plan's. The table is made anew, since SQLite takes no NOT NULL back.
CREATE TABLE tokens_of_plans (
  seq           INTEGER PRIMARY KEY,
  id            TEXT NOT NULL UNIQUE,  -- public, e.g. "tok_5f2c…"; tells nothing of the token
  token_hash    BLOB NOT NULL UNIQUE,  -- SHA-256 of the token, 32 bytes; the token itself is nowhere
  token_prefix  TEXT NOT NULL,         -- its first 8 characters, to recognise it by
  status        TEXT NOT NULL CHECK (status IN ('active', 'disabled')),
  platform      TEXT NOT NULL,
  install_id    TEXT NOT NULL,
  version       TEXT NOT NULL,
  label         TEXT NOT NULL DEFAULT '',
  daily_limit   INTEGER,               -- requests; NULL: its plan's
  monthly_limit INTEGER,               -- likewise
  meta          TEXT NOT NULL,         -- a JSON object
  created_at    TEXT NOT NULL,         -- ISO 8601 UTC
  last_used_at  TEXT,
  deleted_at    TEXT,
  used_up_until TEXT,
  plan          TEXT REFERENCES plans (name) ON DELETE SET NULL
);
INSERT INTO tokens_of_plans (seq, id, token_hash, token_prefix, status, platform, install_id, version, label, daily_limit,
                             monthly_limit, meta, created_at, last_used_at, deleted_at, used_up_until)
  SELECT seq, id, token_hash, token_prefix, status, platform, install_id, version, label, daily_limit,
         monthly_limit, meta, created_at, last_used_at, deleted_at, used_up_until
  FROM tokens ORDER BY seq;
DROP TABLE tokens;
ALTER TABLE tokens_of_plans RENAME TO tokens;

CREATE INDEX tokens_by_label ON tokens (label COLLATE NOCASE, deleted_at);
CREATE INDEX tokens_disabled ON tokens (status) WHERE status = 'disabled' AND deleted_at IS NULL;
CREATE INDEX tokens_used_up ON tokens (used_up_until) WHERE used_up_until IS NOT NULL;
CREATE INDEX tokens_deleted ON tokens (deleted_at) WHERE deleted_at IS NOT NULL;
CREATE INDEX tokens_by_plan ON tokens (plan, deleted_at) WHERE plan IS NOT NULL;
