// SPDX-License-Identifier: MIT
#include "server/store/table_port.hpp"

#include <algorithm>
#include <array>

namespace opencat {

bool MovedTable::is_number(std::size_t column) const {
  static constexpr std::array numbers{"seq",
                                      "daily_limit",
                                      "monthly_limit",
                                      "per_minute",
                                      "request_count",
                                      "prompt_tokens",
                                      "completion_tokens",
                                      "estimated_requests",
                                      "estimated_prompt_tokens",
                                      "estimated_completion_tokens"};
  return std::find(numbers.begin(), numbers.end(), columns.at(column)) != numbers.end();
}

const std::vector<MovedTable>& moved_tables() {
  static const std::vector<MovedTable> tables{
      {"plans",
       {"name", "description", "daily_limit", "monthly_limit", "per_minute", "models", "expires_at", "source",
        "used_up_until"},
       1},
      {"tokens",
       {"seq", "id", "token_hash", "token_prefix", "status", "platform", "install_id", "version", "label",
        "daily_limit", "monthly_limit", "meta", "created_at", "last_used_at", "deleted_at", "used_up_until",
        "plan"},
       1},
      {"usage",
       {"token_id", "date", "model", "request_count", "prompt_tokens", "completion_tokens",
        "estimated_requests", "estimated_prompt_tokens", "estimated_completion_tokens"},
       3}};
  return tables;
}

Error unfinished_move(const std::string& store) {
  return {
      ErrorKind::usage,
      store +
          " is half of a move; finish it with the same 'opencat migrate' as before, or begin with a new one"};
}

}  // namespace opencat
