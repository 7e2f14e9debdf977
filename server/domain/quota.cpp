// SPDX-License-Identifier: MIT
#include "server/domain/quota.hpp"

#include <fmt/format.h>

namespace opencat {

namespace chrono = std::chrono;

QuotaPeriod quota_period(chrono::sys_time<chrono::milliseconds> now, chrono::minutes utc_offset) {
  const auto local = now + utc_offset;
  const auto midnight = chrono::floor<chrono::days>(local);
  const chrono::year_month_day date{midnight};

  QuotaPeriod period;
  period.moment = now;
  period.month = fmt::format("{}-{:02}", static_cast<int>(date.year()), static_cast<unsigned>(date.month()));
  period.day = fmt::format("{}-{:02}", period.month, static_cast<unsigned>(date.day()));
  const chrono::sys_days next_month{date.year() / date.month() / 1 + chrono::months{1}};
  period.day_left = chrono::ceil<chrono::seconds>(midnight + chrono::days{1} - local);
  period.month_left = chrono::ceil<chrono::seconds>(next_month - local);
  return period;
}

}  // namespace opencat
