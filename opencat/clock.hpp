// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <string>

namespace opencat {

/// A moment in UTC, to the millisecond.
using Time = std::chrono::sys_time<std::chrono::milliseconds>;

/// Where the time comes from; passed in, so that tests can set it. Any thread may call it.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual Time now() const = 0;
};

/// The system's clock.
class SystemClock : public Clock {
 public:
  Time now() const override;
};

/// "2026-11-23T09:01:48Z"
std::string iso8601(Time time);

/// "2026-11-23" of `time` seen from a zone `utc_offset` east of UTC.
std::string date_of(Time time, std::chrono::minutes utc_offset = {});

}  // namespace opencat
