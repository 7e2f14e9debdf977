// SPDX-License-Identifier: MIT
#pragma once

#include "server/domain/sliding_window.hpp"
#include "server/store/admission_rules.hpp"
#include "server/store/token_reader.hpp"

namespace opencat {

/// Counting requests, on the writer's connection and its thread.
class Admissions {
 public:
  Admissions(SQLite::Database& database, std::size_t requests_per_minute, const Limits& default_limits);

  /// See Store.
  Admission admit(const AdmissionRequest& request);
  void give_back(const Reservation& row);
  void settle(const Reservation& row, const TokenUse& used);

 private:
  void set_text(SQLite::Statement& statement, std::int64_t seq, const std::string& text);

  TokenReader tokens_;
  AdmissionRules rules_;
  std::size_t per_minute_;
  SlidingWindow window_;  ///< of the tokens that are known, so it needs no bound
  SQLite::Statement count_, uncount_, settle_, touch_, used_up_;
};

}  // namespace opencat
