// SPDX-License-Identifier: MIT
// What a CountingBatch asks of the database.
#pragma once

namespace opencat::postgres {

// Prepared by SQL, so that EXECUTE can stand beside others in one message. Dates of a month are those from
// "2026-11" to before "2026-11-32", which is behind every day: what was rolled up, then its days.
inline constexpr const char* counting_statements =
    "PREPARE lock_tokens (bytea[], text[]) AS "
    "SELECT id, encode(token_hash, 'hex'), status, coalesce(tokens.daily_limit, plans.daily_limit), "
    "coalesce(tokens.monthly_limit, plans.monthly_limit), last_used_at, tokens.used_up_until, deleted_at, "
    "plans.per_minute, plans.models, plans.expires_at "
    "FROM tokens LEFT JOIN plans ON plans.name = tokens.plan "
    "WHERE token_hash = ANY($1) OR id = ANY($2) ORDER BY id FOR UPDATE OF tokens;"

    // Worded so that only the index that begins with the token can serve, whatever the tables' sizes are
    // believed to be: in small ones the planner prefers usage_by_date, and reads a month of everybody for
    // each token.
    "PREPARE read_counts (text[], text[], text[]) AS "
    "SELECT asked.id, asked.day, used.daily, used.monthly, "
    "(SELECT times FROM token_windows WHERE token_id = asked.id) "
    "FROM unnest($1, $2, $3) AS asked (id, day, month) "
    "CROSS JOIN LATERAL (SELECT coalesce(sum(request_count) FILTER (WHERE date = asked.day), 0) AS daily, "
    "coalesce(sum(request_count), 0) AS monthly FROM usage "
    "WHERE token_id = asked.id AND (token_id, date) >= (asked.id, asked.month) AND "
    "(token_id, date) < (asked.id, asked.month || '-32')) AS used;"

    "PREPARE give_back (text[], text[], text[], bigint[]) AS "
    "UPDATE usage SET request_count = greatest(0, request_count - given.requests) "
    "FROM unnest($1, $2, $3, $4) AS given (token_id, date, model, requests) "
    "WHERE usage.token_id = given.token_id AND usage.date = given.date AND usage.model = given.model;"

    "PREPARE settle (text[], text[], text[], bigint[], bigint[], bigint[], bigint[], bigint[]) AS "
    "UPDATE usage SET prompt_tokens = prompt_tokens + used.prompt, "
    "completion_tokens = completion_tokens + used.completion, "
    "estimated_requests = estimated_requests + used.estimated, "
    "estimated_prompt_tokens = estimated_prompt_tokens + used.estimated_prompt, "
    "estimated_completion_tokens = estimated_completion_tokens + used.estimated_completion "
    "FROM unnest($1, $2, $3, $4, $5, $6, $7, $8) AS used (token_id, date, model, prompt, completion, "
    "estimated, estimated_prompt, estimated_completion) "
    "WHERE usage.token_id = used.token_id AND usage.date = used.date AND usage.model = used.model;"

    "PREPARE count_requests (text[], text[], text[], bigint[]) AS "
    "INSERT INTO usage (token_id, date, model, request_count) SELECT * FROM unnest($1, $2, $3, $4) "
    "ON CONFLICT (token_id, date, model) DO UPDATE SET "
    "request_count = usage.request_count + excluded.request_count;"

    "PREPARE keep_windows (text[], text[]) AS "
    "INSERT INTO token_windows (token_id, times) SELECT * FROM unnest($1, $2) "
    "ON CONFLICT (token_id) DO UPDATE SET times = excluded.times;"

    "PREPARE mark_tokens (text[], text[], text[]) AS "
    "UPDATE tokens SET last_used_at = coalesce(marked.last_used_at, tokens.last_used_at), "
    "used_up_until = coalesce(marked.used_up_until, tokens.used_up_until) "
    "FROM unnest($1, $2, $3) AS marked (id, last_used_at, used_up_until) WHERE tokens.id = marked.id;"

    "PREPARE beat (text, bigint) AS "
    "INSERT INTO nodes (id, batch, seen_at) VALUES ($1, $2, now()) "
    "ON CONFLICT (id) DO UPDATE SET batch = excluded.batch, seen_at = excluded.seen_at;";

}  // namespace opencat::postgres
