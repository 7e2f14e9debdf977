// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "server/store/sqlite.hpp"

namespace opencat {

/// Rolling old usage up into one row per token, month and model, on the writer's connection and its thread.
class RollUp {
 public:
  explicit RollUp(SQLite::Database& database);

  /// Rolls up at most `max_rows` of the oldest days before `month`; whether there may be more.
  bool step(const std::string& month, int max_rows);

 private:
  /// The oldest month before `month` that still has rows of days; "" when there is none.
  std::string oldest_month(const std::string& month);

  SQLite::Database& database_;
  SQLite::Statement next_date_, days_, add_, remove_;
};

}  // namespace opencat
