-- Tokens and their counted use; operators may query both (docs/protocol.md, "Data").

CREATE TABLE tokens (
  id            TEXT PRIMARY KEY,      -- public, e.g. "tok_5f2c…"; tells nothing of the token
  token_hash    BLOB NOT NULL UNIQUE,  -- SHA-256 of the token, 32 bytes; the token itself is nowhere
  token_prefix  TEXT NOT NULL,         -- its first 8 characters, to recognise it by
  status        TEXT NOT NULL CHECK (status IN ('active', 'disabled')),
  platform      TEXT NOT NULL,
  install_id    TEXT NOT NULL,
  version       TEXT NOT NULL,
  label         TEXT NOT NULL DEFAULT '',
  daily_limit   INTEGER NOT NULL,      -- requests
  monthly_limit INTEGER NOT NULL,      -- requests
  meta          TEXT NOT NULL,         -- a JSON object
  created_at    TEXT NOT NULL,         -- ISO 8601 UTC
  last_used_at  TEXT
) WITHOUT ROWID;

-- One row per token, day and model. A request is counted here before it is forwarded.
CREATE TABLE usage (
  token_id          TEXT NOT NULL REFERENCES tokens (id) ON DELETE CASCADE,
  date              TEXT NOT NULL,     -- YYYY-MM-DD in the quota's time zone
  model             TEXT NOT NULL,
  request_count     INTEGER NOT NULL DEFAULT 0,
  prompt_tokens     INTEGER NOT NULL DEFAULT 0,
  completion_tokens INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (token_id, date, model)
) WITHOUT ROWID;
