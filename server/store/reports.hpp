// SPDX-License-Identifier: MIT
#pragma once

#include "server/store/admin_store.hpp"
#include "server/store/token_reader.hpp"

namespace opencat {

/// An operator's lists and sums, over a connection of their own: they may take a while.
class Reports {
 public:
  explicit Reports(SQLite::Database database) : database_(std::move(database)), tokens_(database_) {}

  /// See AdminStore.
  TokenPage list(const TokenQuery& query, const QuotaPeriod& period);
  TokenCounts counts(const QuotaPeriod& period);
  UsageSummary usage(const UsageQuery& query);

 private:
  std::int64_t count(const TokenQuery& query, const QuotaPeriod& period);
  std::int64_t quick_count(const TokenQuery& query, const QuotaPeriod& period);

  SQLite::Database database_;
  TokenReader tokens_;
};

}  // namespace opencat
