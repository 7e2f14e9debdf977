-- What many tokens have in common, as in SQLite. A token's limits are its own, or NULL: then its plan's.
CREATE TABLE plans (
  name          TEXT COLLATE "C" PRIMARY KEY,
  description   TEXT COLLATE "C" NOT NULL DEFAULT '',
  daily_limit   BIGINT,
  monthly_limit BIGINT,
  per_minute    BIGINT,
  models        TEXT COLLATE "C" NOT NULL DEFAULT '',
  expires_at    TEXT COLLATE "C",
  source        TEXT COLLATE "C" NOT NULL CHECK (source IN ('api', 'file')),
  used_up_until TEXT COLLATE "C"
);
ALTER TABLE tokens ALTER COLUMN daily_limit DROP NOT NULL;
ALTER TABLE tokens ALTER COLUMN monthly_limit DROP NOT NULL;
ALTER TABLE tokens ADD COLUMN plan TEXT COLLATE "C" REFERENCES plans (name) ON DELETE SET NULL;
CREATE INDEX tokens_by_plan ON tokens (plan, deleted_at) WHERE plan IS NOT NULL;
