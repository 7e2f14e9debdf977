// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "server/store/admission_rules.hpp"
#include "server/store/recent_usage.hpp"
#include "server/store/sqlite.hpp"

namespace opencat {

/// Reads tokens that are not deleted and their use over one connection; for whoever has that connection.
class TokenReader {
 public:
  /// What holds for a token for which neither it nor its plan say anything; `recent`, if state() is to add
  /// that.
  TokenReader(SQLite::Database& database, const Limits& default_limits, std::size_t requests_per_minute,
              const RecentUsage* recent = nullptr);

  std::optional<TokenRecord> find_by_hash(const std::string& hash);
  /// What an admission asks of it; its use without what is recent.
  std::optional<TokenHolder> holder(const std::string& hash, const QuotaPeriod& period);
  /// By its id or hash.
  std::optional<TokenRecord> find(const std::string& id_or_hash);
  /// Deleted or not.
  std::optional<TokenRecord> find_by_id_even_deleted(const std::string& id);
  /// The record with its use in the period.
  TokenState state(TokenRecord token, const QuotaPeriod& period);
  /// Columns of `tokens` in the order that record() reads, and how many they are.
  static constexpr int column_count = 20;
  const std::string& columns() const { return columns_; }
  static TokenRecord record(SQLite::Statement& row);

 private:
  QuotaUse use(const std::string& token_id, const QuotaPeriod& period);

  const RecentUsage* recent_;
  std::string columns_;
  SQLite::Statement by_hash_, by_id_, by_id_even_deleted_, holder_, use_;
};

const char* status_text(TokenStatus status);

}  // namespace opencat
