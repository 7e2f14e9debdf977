// SPDX-License-Identifier: MIT
#pragma once

#include "server/store/admin_store.hpp"

namespace opencat {

/// What a list is sorted by, as SQL. Tokens of the same key stay in the order of their issue, so that pages
/// never overlap. `label` is the label without regard to case, which each store says in its own way, as its
/// index has it.
constexpr const char* sort_key(TokenSort sort, const char* label) {
  switch (sort) {
    case TokenSort::created_at:
      return "seq";
    case TokenSort::last_used_at:
      return "coalesce(last_used_at, '')";
    case TokenSort::label:
      return label;
    case TokenSort::platform:
      return "platform";
    case TokenSort::id:
      return "id";
  }
  return "seq";
}

/// What usage is summed up by, as SQL.
constexpr const char* usage_key(UsageGroup group) {
  switch (group) {
    case UsageGroup::day:
      return "date";
    case UsageGroup::token:
      return "token_id";
    case UsageGroup::model:
      return "model";
    case UsageGroup::plan:
      return "coalesce(plan, '')";
  }
  return "date";
}

/// Begins a subquery of tokens' own sums, so that their plans are asked for once a token and not once a row;
/// FROM and GROUP BY token_id follow.
inline constexpr const char* sums_by_token =
    "SELECT token_id, sum(request_count) AS request_count, sum(prompt_tokens) AS prompt_tokens, "
    "sum(completion_tokens) AS completion_tokens, sum(estimated_requests) AS estimated_requests, "
    "sum(estimated_prompt_tokens) AS estimated_prompt_tokens, "
    "sum(estimated_completion_tokens) AS estimated_completion_tokens";

}  // namespace opencat
