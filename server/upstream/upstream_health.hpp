// SPDX-License-Identifier: MIT
// When an upstream that failed may be asked again. Pure: time is passed in.
#pragma once

#include <chrono>
#include <optional>

#include "opencat/clock.hpp"

namespace opencat {

/// After a failure an upstream cools down: 2 s, doubled with each further failure up to 2 minutes, or as long
/// as it asked for itself (Retry-After, up to 10 minutes). Then it is probed; only a probe that went well, or
/// a call of the last resort that did, brings it back.
class UpstreamHealth {
 public:
  enum class State { healthy, cooling };
  struct Pauses {
    std::chrono::milliseconds first{2'000};
    std::chrono::milliseconds longest{120'000};
    std::chrono::milliseconds longest_wish{600'000};
  };

  UpstreamHealth() = default;
  explicit UpstreamHealth(const Pauses& pauses) : pauses_(pauses) {}

  State state() const { return cooling_until_ ? State::cooling : State::healthy; }
  /// When it is to be probed; nothing while it is healthy.
  std::optional<Time> cooling_until() const { return cooling_until_; }
  int failures_in_row() const { return failures_in_row_; }

  /// A real call was answered.
  void succeeded();
  void failed(Time now, std::optional<std::chrono::seconds> retry_after);
  /// The probe was answered: traffic may come back, but the next failure cools longer than the last.
  void probed_well() { cooling_until_.reset(); }

 private:
  Pauses pauses_;
  std::optional<Time> cooling_until_;
  int failures_in_row_ = 0;
};

}  // namespace opencat
