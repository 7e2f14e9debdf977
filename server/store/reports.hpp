// SPDX-License-Identifier: MIT
#pragma once

#include "server/store/admin_store.hpp"
#include "server/store/plan_table.hpp"
#include "server/store/token_reader.hpp"

namespace opencat {

/// An operator's lists and sums, over a connection of their own: they may take a while.
class Reports {
 public:
  Reports(SQLite::Database database, const Limits& default_limits, std::size_t requests_per_minute)
      : database_(std::move(database)),
        limits_(default_limits),
        tokens_(database_, default_limits, requests_per_minute),
        plans_(database_, default_limits) {}

  /// See AdminStore.
  TokenPage list(const TokenQuery& query, const QuotaPeriod& period);
  TokenCounts counts(const QuotaPeriod& period);
  UsageSummary usage(const UsageQuery& query);
  std::vector<PlanUse> plans() { return plans_.list(); }
  std::optional<PlanUse> plan(const std::string& name) { return plans_.find(name); }

 private:
  std::int64_t count(const TokenQuery& query, const QuotaPeriod& period);
  std::int64_t quick_count(const TokenQuery& query, const QuotaPeriod& period);

  std::string conditions(const TokenQuery& query) const;

  SQLite::Database database_;
  Limits limits_;
  TokenReader tokens_;
  PlanTable plans_;
};

}  // namespace opencat
