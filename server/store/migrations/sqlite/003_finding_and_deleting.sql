-- Since when a token is deleted. It is dead at once, can be restored for a while, and goes with its counts after that.
ALTER TABLE tokens ADD COLUMN deleted_at TEXT;  -- ISO 8601 UTC; NULL: it is not

-- The last day on which the token may be found used up: set when its last request is counted and when its limits
-- change, '9999-12-31' for a limit of 0. So the few that may be used up are found without summing up the use of all;
-- whether they are, their use tells.
ALTER TABLE tokens ADD COLUMN used_up_until TEXT;  -- YYYY-MM-DD in the quota's time zone; NULL: not known to be

UPDATE tokens SET used_up_until = '9999-12-31' WHERE daily_limit <= 0 OR monthly_limit <= 0;
-- The quota's time zone is not known here, so a day more is looked at on both sides.
UPDATE tokens SET used_up_until = strftime('%Y-%m', 'now', '+1 day') || '-31'
  WHERE used_up_until IS NULL
    AND (SELECT coalesce(sum(request_count), 0) FROM usage
         WHERE token_id = tokens.id AND date >= strftime('%Y-%m', 'now', '-1 day')) >= min(daily_limit, monthly_limit);

-- The operator's lists, of which all but the first are short.
CREATE INDEX tokens_by_label ON tokens (label COLLATE NOCASE, deleted_at);
CREATE INDEX tokens_disabled ON tokens (status) WHERE status = 'disabled' AND deleted_at IS NULL;
CREATE INDEX tokens_used_up ON tokens (used_up_until) WHERE used_up_until IS NOT NULL;
CREATE INDEX tokens_deleted ON tokens (deleted_at) WHERE deleted_at IS NOT NULL;
