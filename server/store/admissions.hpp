// SPDX-License-Identifier: MIT
#pragma once

#include "server/domain/sliding_window.hpp"
#include "server/store/token_reader.hpp"

namespace opencat {

/// Counting requests, on the writer's connection and its thread.
class Admissions {
 public:
  Admissions(SQLite::Database& database, std::size_t requests_per_minute);

  /// See Store.
  Admission admit(const AdmissionRequest& request);
  void give_back(const Reservation& row);
  void settle(const Reservation& row, const TokenUse& used);

 private:
  const std::string& this_minute(Time now);
  /// Has the token among those that may be found used up.
  void mark_used_up(const TokenReader::Holder& token, Admission::Verdict which, const QuotaPeriod& period);

  TokenReader tokens_;
  SlidingWindow window_;  ///< of the tokens that are known, so it needs no bound
  SQLite::Statement count_, uncount_, settle_, touch_, used_up_;
  std::chrono::time_point<std::chrono::system_clock, std::chrono::minutes> minute_{};
  std::string minute_text_;
};

}  // namespace opencat
