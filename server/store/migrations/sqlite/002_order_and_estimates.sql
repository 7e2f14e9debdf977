-- Tokens in the order in which they were issued: a new one goes to the end of the table, and a page of the list is
-- read from its place, however many there are. `seq` is that order.
CREATE TABLE tokens_in_order (
  seq           INTEGER PRIMARY KEY,
  id            TEXT NOT NULL UNIQUE,  -- public, e.g. "tok_5f2c…"; tells nothing of the token
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
);
INSERT INTO tokens_in_order (id, token_hash, token_prefix, status, platform, install_id, version, label,
                             daily_limit, monthly_limit, meta, created_at, last_used_at)
  SELECT id, token_hash, token_prefix, status, platform, install_id, version, label,
         daily_limit, monthly_limit, meta, created_at, last_used_at
  FROM tokens ORDER BY created_at, id;
DROP TABLE tokens;
ALTER TABLE tokens_in_order RENAME TO tokens;

-- How much of a row's use was not told by the upstream but estimated; it is part of the sums beside it.
ALTER TABLE usage ADD COLUMN estimated_requests INTEGER NOT NULL DEFAULT 0;
ALTER TABLE usage ADD COLUMN estimated_prompt_tokens INTEGER NOT NULL DEFAULT 0;
ALTER TABLE usage ADD COLUMN estimated_completion_tokens INTEGER NOT NULL DEFAULT 0;

-- For sums over days of all tokens, and for finding what is old. Old rows are rolled up into one per token, month
-- and model, whose date is the month alone: "2026-11".
CREATE INDEX usage_by_date ON usage (date);
