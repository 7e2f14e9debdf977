// SPDX-License-Identifier: MIT
#pragma once

#include "server/store/admin_store.hpp"
#include "server/store/sqlite.hpp"

namespace opencat {

/// Making, changing and removing tokens, on the writer's connection and its thread.
class TokenChanges {
 public:
  explicit TokenChanges(SQLite::Database& database);

  void insert(const TokenRecord& token);
  /// Whether there was one.
  bool change(const std::string& id_or_hash, const TokenChange& change);
  bool remove(const std::string& id_or_hash);

 private:
  SQLite::Statement insert_, change_, remove_;
};

}  // namespace opencat
