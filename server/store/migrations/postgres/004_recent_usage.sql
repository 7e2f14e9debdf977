-- What changes with each request of a token stands in two small tables, which have the tokens that were used of late and
-- no others: in tables of all tokens each request would write to pages, and descend indexes, of its own. Their rows are
-- folded into `usage` from time to time, and go when their tokens rest.
--
-- Whoever counts for a token, or folds its counts, locks its row here first, and makes it if there is none. There are no
-- references to `tokens`, which would lock its rows, too: purging a token folds, and what comes later is dropped.
CREATE TABLE recent_tokens (
  token_id  TEXT COLLATE "C" PRIMARY KEY,
  times     TEXT COLLATE "C" NOT NULL DEFAULT '',  -- of its requests in the last minute, as server/domain/window_log has it
  used_at   TIMESTAMPTZ NOT NULL DEFAULT now(),
  folded_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  day       TEXT COLLATE "C",  -- of which the rest is known, until something is folded: what `usage` has
  daily     BIGINT,
  monthly   BIGINT
) WITH (fillfactor = 50);
-- Those that may still count: a text begins with a moment of the minute before it was written.
INSERT INTO recent_tokens (token_id, times) SELECT token_id, times FROM token_windows
  WHERE CAST(substring(times FROM '^[0-9]+') AS BIGINT) > (extract(epoch FROM now()) - 3600) * 1000;
DROP TABLE token_windows;

-- Counts that are not in `usage` yet.
CREATE TABLE recent_usage (
  token_id                    TEXT COLLATE "C" NOT NULL,
  date                        TEXT COLLATE "C" NOT NULL,
  model                       TEXT COLLATE "C" NOT NULL,
  request_count               BIGINT NOT NULL DEFAULT 0,
  prompt_tokens               BIGINT NOT NULL DEFAULT 0,
  completion_tokens           BIGINT NOT NULL DEFAULT 0,
  estimated_requests          BIGINT NOT NULL DEFAULT 0,
  estimated_prompt_tokens     BIGINT NOT NULL DEFAULT 0,
  estimated_completion_tokens BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (token_id, date, model)
) WITH (fillfactor = 50);

-- What reports sum up: one key may stand in it twice.
CREATE VIEW all_usage AS
  SELECT token_id, date, model, request_count, prompt_tokens, completion_tokens,
    estimated_requests, estimated_prompt_tokens, estimated_completion_tokens FROM usage
  UNION ALL
  SELECT token_id, date, model, request_count, prompt_tokens, completion_tokens,
    estimated_requests, estimated_prompt_tokens, estimated_completion_tokens FROM recent_usage;
