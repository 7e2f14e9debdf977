// SPDX-License-Identifier: MIT
#pragma once

#include <unordered_map>

#include "server/domain/sliding_window.hpp"
#include "server/store/admission_rules.hpp"
#include "server/store/recent_usage.hpp"
#include "server/store/token_reader.hpp"

namespace opencat {

/// Counting requests, on the writer's connection and its thread.
class Admissions {
 public:
  Admissions(SQLite::Database& database, RecentUsage& recent, std::size_t requests_per_minute,
             const Limits& default_limits);

  /// See Store.
  Admission admit(const AdmissionRequest& request);
  void give_back(const Reservation& row);
  void settle(const Reservation& row, const TokenUse& used);
  /// Tokens or plans were changed.
  void forget() { known_.clear(); }

 private:
  /// A token as the database has it, without what is recent.
  struct Known {
    TokenHolder token;
    std::string day;  ///< of its use
  };
  Known* known(const AdmissionRequest& request);
  void set_text(SQLite::Statement& statement, std::int64_t seq, const std::string& text);

  RecentUsage& recent_;
  TokenReader tokens_;
  std::unordered_map<std::string, Known> known_;  ///< by hash: those that asked since the last fold
  std::uint64_t epoch_ = 0;                       ///< of recent_, when they were read
  AdmissionRules rules_;
  std::size_t per_minute_;
  SlidingWindow window_;  ///< of the tokens that are known, so it needs no bound
  SQLite::Statement touch_, used_up_;
};

}  // namespace opencat
