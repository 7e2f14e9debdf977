// SPDX-License-Identifier: MIT
// Daily and monthly quotas. Pure: time is passed in.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "server/domain/token.hpp"

namespace opencat {

/// Requests that a token has made in the current day and month.
struct QuotaUse {
  std::int64_t daily = 0;
  std::int64_t monthly = 0;
};

/// The day and month that a moment counts to.
struct QuotaPeriod {
  std::string day;    ///< "2026-11-23"
  std::string month;  ///< "2026-11"
  std::chrono::seconds day_left{};
  std::chrono::seconds month_left{};
  std::chrono::sys_time<std::chrono::milliseconds> moment{};
};

/// Of the period's month, or a day behind it: later than all of its days, and earlier than those of the next.
inline std::string last_day(const QuotaPeriod& period) { return period.month + "-31"; }

/// Days begin at midnight of a zone `utc_offset` east of UTC.
QuotaPeriod quota_period(std::chrono::sys_time<std::chrono::milliseconds> now,
                         std::chrono::minutes utc_offset);

enum class QuotaVerdict { within, daily_used_up, monthly_used_up };

/// Whether one more request fits.
inline QuotaVerdict quota_verdict(const Limits& limits, const QuotaUse& use) {
  if (use.monthly >= limits.monthly) return QuotaVerdict::monthly_used_up;
  if (use.daily >= limits.daily) return QuotaVerdict::daily_used_up;
  return QuotaVerdict::within;
}

}  // namespace opencat
