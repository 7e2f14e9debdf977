// SPDX-License-Identifier: MIT
#include "server/upstream/upstream_health.hpp"

#include <algorithm>

namespace opencat {

void UpstreamHealth::succeeded() {
  failures_in_row_ = 0;
  cooling_until_.reset();
}

void UpstreamHealth::failed(Time now, std::optional<std::chrono::seconds> retry_after) {
  const int doublings = std::min(failures_in_row_++, 10);
  auto pause = std::min(pauses_.first * (1 << doublings), pauses_.longest);
  if (retry_after)
    pause = std::clamp<std::chrono::milliseconds>(*retry_after, pauses_.first, pauses_.longest_wish);
  // Calls that were under way together fail together: they lengthen the pause, never shorten it.
  cooling_until_ = std::max(cooling_until_.value_or(Time{}), now + pause);
}

}  // namespace opencat
