// SPDX-License-Identifier: MIT
// What holds for a token, as SQL that both stores know: its own value, else its plan's, else the server's.
#pragma once

#include <string>

#include "server/domain/token.hpp"

namespace opencat {

/// A value of a token's plan, for whatever reads `tokens`.
inline std::string plan_value(const std::string& column) {
  return "(SELECT plans." + column + " FROM plans WHERE plans.name = tokens.plan)";
}

inline std::string effective(const std::string& column, std::int64_t otherwise) {
  return "coalesce(tokens." + column + ", " + plan_value(column) + ", " + std::to_string(otherwise) + ")";
}

inline std::string effective_daily(const Limits& otherwise) {
  return effective("daily_limit", otherwise.daily);
}
inline std::string effective_monthly(const Limits& otherwise) {
  return effective("monthly_limit", otherwise.monthly);
}

/// Of a plan: until when all its tokens may be found used up. `last_day` is SQL for the month's.
inline std::string plan_marker(const Limits& otherwise, const std::string& last_day) {
  return "CASE WHEN coalesce(daily_limit, " + std::to_string(otherwise.daily) +
         ") <= 0 OR coalesce(monthly_limit, " + std::to_string(otherwise.monthly) +
         ") <= 0 THEN '9999-12-31' ELSE " + last_day + " END";
}

}  // namespace opencat
