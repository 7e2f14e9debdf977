// SPDX-License-Identifier: MIT
// Folding what `recent_usage` has into `usage`; see migrations/postgres/004.
#pragma once

#include <string>

#include "server/store/postgres/session.hpp"

namespace opencat::postgres {

/// Ends an INSERT of counts: what the table has already of that token, day and model is added to.
inline std::string added_to(const std::string& table) {
  std::string text = "ON CONFLICT (token_id, date, model) DO UPDATE SET ";
  for (const char* column : {"request_count", "prompt_tokens", "completion_tokens", "estimated_requests",
                             "estimated_prompt_tokens", "estimated_completion_tokens"}) {
    text += std::string(text.back() == ' ' && text.find('=') == std::string::npos ? "" : ", ") + column +
            " = " + table + "." + column + " + excluded." + column;
  }
  return text;
}

/// Folds the counts of the tokens $1, whose rows of `recent_tokens` its transaction has locked. Those of a
/// token that was purged are dropped.
inline const std::string fold_usage =
    "WITH moved AS (DELETE FROM recent_usage WHERE token_id = ANY($1) RETURNING *), "
    "noted AS (UPDATE recent_tokens SET day = NULL, folded_at = now() WHERE token_id = ANY($1)) "
    "INSERT INTO usage (token_id, date, model, request_count, prompt_tokens, completion_tokens, "
    "estimated_requests, estimated_prompt_tokens, estimated_completion_tokens) "
    "SELECT moved.* FROM moved JOIN tokens ON tokens.id = moved.token_id "
    "ORDER BY moved.token_id, moved.date, moved.model " +
    added_to("usage");

// Both in a transaction of the caller's.

/// All counts of these tokens (an Array's text) are in `usage` then.
void fold_tokens(Session& session, const std::string& ids);

/// Folds some of what was counted two minutes ago or more, of tokens behind `after` in the order of ids,
/// and removes the rows of those that rest. The last one's id; empty: there are no more. Several servers may
/// do it at once, and nothing is folded twice.
std::string fold_some(Session& session, const std::string& after);

}  // namespace opencat::postgres
