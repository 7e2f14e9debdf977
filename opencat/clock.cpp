// SPDX-License-Identifier: MIT
#include "opencat/clock.hpp"

#include <fmt/format.h>

namespace opencat {

namespace chrono = std::chrono;

Time SystemClock::now() const { return chrono::floor<chrono::milliseconds>(chrono::system_clock::now()); }

std::string date_of(Time time, chrono::minutes utc_offset) {
  const chrono::year_month_day date{chrono::floor<chrono::days>(time + utc_offset)};
  return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                     static_cast<unsigned>(date.day()));
}

std::string iso8601(Time time) {
  const chrono::hh_mm_ss clock{chrono::floor<chrono::seconds>(time - chrono::floor<chrono::days>(time))};
  return fmt::format("{}T{:02}:{:02}:{:02}Z", date_of(time), clock.hours().count(), clock.minutes().count(),
                     clock.seconds().count());
}

}  // namespace opencat
