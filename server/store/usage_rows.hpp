// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>

#include "server/store/sqlite.hpp"
#include "server/store/store.hpp"

namespace opencat {

/// What a row of `usage` counts: requests, prompt tokens, completion tokens; then how much of each is
/// estimated.
using UsageCounts = std::array<std::int64_t, 6>;

inline constexpr const char* usage_columns =
    "token_id, date, model, request_count, prompt_tokens, completion_tokens, estimated_requests, "
    "estimated_prompt_tokens, estimated_completion_tokens";

inline Reservation usage_key_at(SQLite::Statement& row) {
  return {row.getColumn(0).getString(), row.getColumn(1).getString(), row.getColumn(2).getString()};
}

inline UsageCounts usage_counts_at(SQLite::Statement& row) {
  UsageCounts counts{};
  for (std::size_t i = 0; i < counts.size(); ++i)
    counts[i] = row.getColumn(static_cast<int>(i) + 3).getInt64();
  return counts;
}

inline void bind_usage_key(SQLite::Statement& statement, const Reservation& key) {
  statement.bind(1, key.token_id);
  statement.bind(2, key.date);
  statement.bind(3, key.model);
}

inline void bind_usage(SQLite::Statement& statement, const Reservation& key, const UsageCounts& counts) {
  bind_usage_key(statement, key);
  for (std::size_t i = 0; i < counts.size(); ++i) statement.bind(static_cast<int>(i) + 4, counts[i]);
}

/// Adds to the row of `usage` that bind_usage() names, and makes it if it is missing. No row has fewer
/// requests than none.
inline constexpr const char* add_to_usage =
    "INSERT INTO usage (token_id, date, model, request_count, prompt_tokens, completion_tokens, "
    "estimated_requests, estimated_prompt_tokens, estimated_completion_tokens) "
    "VALUES (?1, ?2, ?3, max(0, ?4), ?5, ?6, ?7, ?8, ?9) ON CONFLICT DO UPDATE SET "
    "request_count = max(0, request_count + ?4), "
    "prompt_tokens = prompt_tokens + excluded.prompt_tokens, "
    "completion_tokens = completion_tokens + excluded.completion_tokens, "
    "estimated_requests = estimated_requests + excluded.estimated_requests, "
    "estimated_prompt_tokens = estimated_prompt_tokens + excluded.estimated_prompt_tokens, "
    "estimated_completion_tokens = estimated_completion_tokens + excluded.estimated_completion_tokens";

}  // namespace opencat
