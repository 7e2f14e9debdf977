// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "server/store/store.hpp"

namespace opencat {

/// What an admission asks of a token, which is little of it: this is read for each request.
struct TokenHolder {
  std::string id;
  TokenStatus status = TokenStatus::active;
  Limits limits;
  std::string last_used_at;
  std::string used_up_until;    ///< see migrations/sqlite/003
  QuotaUse use;                 ///< in the request's day and month
  std::int64_t per_minute = 0;  ///< its plan's; 0: the server's
  std::string models;           ///< its plan's, as joined_models() has them
  std::string expires_at;       ///< its plan's
  std::int64_t seq = 0;         ///< where SQLite has its row

  std::size_t per_minute_or(std::size_t otherwise) const {
    return per_minute > 0 ? static_cast<std::size_t>(per_minute) : otherwise;
  }
};

/// What becomes of one request that wants to be counted, and what a store has to write for it.
struct AdmissionDecision {
  Admission admission;
  bool counted = false;       ///< one request more, in the row of its token, day and model
  std::string used_up_until;  ///< to be kept with the token from now on; empty: nothing changes
  std::string last_used_at;   ///< likewise
};

/// Decides on requests, whatever keeps the counts: this is the same for every store. Not for two threads at
/// once.
class AdmissionRules {
 public:
  /// Counts one request of the token in its minute and returns zero, or how long until one would fit.
  using TakeMinute = std::function<std::chrono::seconds()>;
  /// `token` as it is at this moment, when no other can change its counts; nothing if it is unknown.
  AdmissionDecision decide(const std::optional<TokenHolder>& token, const AdmissionRequest& request,
                           const TakeMinute& take_minute);

 private:
  const std::string& this_minute(Time now);

  std::chrono::time_point<std::chrono::system_clock, std::chrono::minutes> minute_{};
  std::string minute_text_;
};

}  // namespace opencat
