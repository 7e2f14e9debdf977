// SPDX-License-Identifier: MIT
// What a CountingBatch asks of the database.
#pragma once

#include <string>

#include "server/store/postgres/recent_usage.hpp"

namespace opencat::postgres {

/// A token's sums in the asked day and month, of one of the two tables of counts.
inline std::string counts_in(const std::string& table, const std::string& name,
                             const std::string& condition = "") {
  return "CROSS JOIN LATERAL (SELECT "
         "coalesce(sum(request_count) FILTER (WHERE date = asked.day), 0) AS daily, "
         "coalesce(sum(request_count), 0) AS monthly FROM " +
         table +
         " WHERE token_id = tokens.id AND (token_id, date) >= (tokens.id, asked.month) AND "
         "(token_id, date) < (tokens.id, asked.month || '-32')" +
         condition + ") AS " + name + " ";
}

// Prepared by SQL, so that EXECUTE can stand beside others in one message. Dates of a month are those from
// "2026-11" to before "2026-11-32", which is behind every day: what was rolled up, then its days.
inline const std::string counting_statements =
    // In the order of ids, so that those who lock the same tokens never wait in a circle, whether a row is
    // made or only locked, which ON CONFLICT does also where it changes nothing. Tells which tokens there
    // are.
    "PREPARE lock_tokens (bytea[], text[]) AS "
    "WITH found AS MATERIALIZED (SELECT id, place FROM unnest($1) WITH ORDINALITY AS asked (token_hash, "
    "place) "
    "JOIN tokens USING (token_hash) WHERE deleted_at IS NULL), "
    "locked AS (INSERT INTO recent_tokens (token_id) SELECT id FROM found UNION SELECT unnest($2) ORDER BY "
    "id "
    "ON CONFLICT (token_id) DO UPDATE SET used_at = now() WHERE false) "
    "SELECT place FROM found;"

    "PREPARE fold_usage (text[]) AS " +
    std::string(fold_usage) +
    ";"

    "PREPARE give_back (text[], text[], text[], bigint[]) AS "
    "UPDATE usage SET request_count = greatest(0, request_count - given.requests) "
    "FROM unnest($1, $2, $3, $4) AS given (token_id, date, model, requests) "
    "WHERE usage.token_id = given.token_id AND usage.date = given.date AND usage.model = given.model;"

    // Worded so that only the indexes that begin with the token can serve, whatever the tables' sizes are
    // believed to be: in small ones the planner prefers usage_by_date, and reads a month of everybody for
    // each token.
    "PREPARE read_tokens (bytea[], text[], text[]) AS "
    "SELECT asked.place, tokens.id, status, coalesce(tokens.daily_limit, plans.daily_limit), "
    "coalesce(tokens.monthly_limit, plans.monthly_limit), last_used_at, tokens.used_up_until, "
    "plans.per_minute, plans.models, plans.expires_at, locked.times, locked.day = asked.day, "
    "CASE WHEN locked.day = asked.day THEN locked.daily ELSE used.daily END, "
    "CASE WHEN locked.day = asked.day THEN locked.monthly ELSE used.monthly END, "
    "recent.daily, recent.monthly "
    "FROM unnest($1, $2, $3) WITH ORDINALITY AS asked (token_hash, day, month, place) "
    "JOIN tokens ON tokens.token_hash = asked.token_hash AND deleted_at IS NULL "
    "JOIN recent_tokens AS locked ON locked.token_id = tokens.id "
    "LEFT JOIN plans ON plans.name = tokens.plan " +
    counts_in("usage", "used", " AND locked.day IS DISTINCT FROM asked.day") +
    counts_in("recent_usage", "recent") +
    ";"

    "PREPARE keep_sums (text[], text[], bigint[], bigint[]) AS "
    "UPDATE recent_tokens SET day = kept.day, daily = kept.daily, monthly = kept.monthly "
    "FROM unnest($1, $2, $3, $4) AS kept (token_id, day, daily, monthly) "
    "WHERE recent_tokens.token_id = kept.token_id;"

    "PREPARE settle (text[], text[], text[], bigint[], bigint[], bigint[], bigint[], bigint[]) AS "
    "INSERT INTO recent_usage (token_id, date, model, prompt_tokens, completion_tokens, estimated_requests, "
    "estimated_prompt_tokens, estimated_completion_tokens) "
    "SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8) " +
    added_to("recent_usage") +
    ";"

    "PREPARE count_requests (text[], text[], text[], bigint[]) AS "
    "INSERT INTO recent_usage (token_id, date, model, request_count) SELECT * FROM unnest($1, $2, $3, $4) "
    "ON CONFLICT (token_id, date, model) DO UPDATE SET "
    "request_count = recent_usage.request_count + excluded.request_count;"

    "PREPARE keep_windows (text[], text[]) AS "
    "UPDATE recent_tokens SET times = kept.times, used_at = now() "
    "FROM unnest($1, $2) AS kept (token_id, times) WHERE recent_tokens.token_id = kept.token_id;"

    "PREPARE mark_tokens (text[], text[], text[]) AS "
    "UPDATE tokens SET last_used_at = coalesce(marked.last_used_at, tokens.last_used_at), "
    "used_up_until = coalesce(marked.used_up_until, tokens.used_up_until) "
    "FROM unnest($1, $2, $3) AS marked (id, last_used_at, used_up_until) WHERE tokens.id = marked.id;"

    "PREPARE beat (text, bigint) AS "
    "INSERT INTO nodes (id, batch, seen_at) VALUES ($1, $2, now()) "
    "ON CONFLICT (id) DO UPDATE SET batch = excluded.batch, seen_at = excluded.seen_at;";

}  // namespace opencat::postgres
