// SPDX-License-Identifier: MIT
#pragma once

#include "server/store/admin_store.hpp"
#include "server/store/sqlite.hpp"

namespace opencat {

/// Making, changing and removing tokens, on the writer's connection and its thread.
class TokenChanges {
 public:
  TokenChanges(SQLite::Database& database, const Limits& default_limits);

  void insert(const TokenRecord& token);
  /// Whether there was one. A token whose limits change may be found used up in the period's month.
  bool change(const std::string& id_or_hash, const TokenChange& change, const QuotaPeriod& period);
  bool remove(const std::string& id_or_hash, Time now);
  bool restore(const std::string& id_or_hash);
  /// Ends at most `max_tokens` that were deleted before `then`; whether there may be more.
  bool purge(Time then, int max_tokens);

 private:
  SQLite::Statement insert_, change_, remove_, restore_, purge_;
};

}  // namespace opencat
