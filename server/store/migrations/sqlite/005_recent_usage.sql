-- What was counted of late, appended: to be added to the rows of `usage` of the same key, into which it is folded a
-- moment later, many rows at once and in the order of their keys. The rows of a group of requests stand together here,
-- however many tokens there are, while in `usage` each would be in a page of its own. The columns are those of `usage`.
CREATE TABLE recent_usage (
  token_id                    TEXT NOT NULL,
  date                        TEXT NOT NULL,
  model                       TEXT NOT NULL,
  request_count               INTEGER NOT NULL,  -- may be negative: given back
  prompt_tokens               INTEGER NOT NULL,
  completion_tokens           INTEGER NOT NULL,
  estimated_requests          INTEGER NOT NULL,
  estimated_prompt_tokens     INTEGER NOT NULL,
  estimated_completion_tokens INTEGER NOT NULL
);
