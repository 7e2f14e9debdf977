// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "server/store/sqlite.hpp"
#include "server/store/store.hpp"

namespace opencat {

/// Reads tokens and their use over one connection; for whoever has that connection.
class TokenReader {
 public:
  explicit TokenReader(SQLite::Database& database);

  std::optional<TokenRecord> find_by_hash(const std::string& hash);
  /// What an admission asks, which is a few columns of it: this is done for each request.
  struct Holder {
    std::string id;
    TokenStatus status = TokenStatus::active;
    Limits limits;
    std::string last_used_at;
    QuotaUse use;  ///< as use() tells it
  };
  std::optional<Holder> holder(const std::string& hash, const QuotaPeriod& period);
  /// By its id or hash.
  std::optional<TokenRecord> find(const std::string& id_or_hash);
  /// The requests of the period's day and month.
  QuotaUse use(const std::string& token_id, const QuotaPeriod& period);
  /// Every column of `tokens` in the order that record() reads.
  static const char* columns();
  static TokenRecord record(SQLite::Statement& row);

 private:
  SQLite::Statement by_hash_, by_id_, holder_, use_;
};

const char* status_text(TokenStatus status);

}  // namespace opencat
