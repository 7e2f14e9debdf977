// SPDX-License-Identifier: MIT
#include "server/upstream/upstream_health.hpp"

#include <algorithm>

namespace opencat {

namespace {

constexpr std::chrono::seconds first_pause{2};
constexpr std::chrono::seconds longest_pause{120};
constexpr std::chrono::seconds longest_wish{600};

}  // namespace

void UpstreamHealth::succeeded() {
  failures_in_row_ = 0;
  cooling_until_.reset();
}

void UpstreamHealth::failed(Time now, std::optional<std::chrono::seconds> retry_after) {
  const int doublings = std::min(failures_in_row_++, 10);
  auto pause = std::min(first_pause * (1 << doublings), longest_pause);
  if (retry_after) pause = std::clamp(*retry_after, std::chrono::seconds{1}, longest_wish);
  // Calls that were under way together fail together: they lengthen the pause, never shorten it.
  cooling_until_ = std::max(cooling_until_.value_or(Time{}), now + pause);
}

}  // namespace opencat
