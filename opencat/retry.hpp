// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <optional>
#include <random>
#include <stop_token>

#include "opencat/clock.hpp"
#include "opencat/http_client.hpp"

namespace opencat {

/// Whether trying again may help: 408, 429, and 5xx but 501 and 505.
bool is_transient(int status);

/// What the answer's Retry-After asks for, in seconds or as a date (RFC 9110, section 10.2.3); nothing when
/// it does not say, or says something else.
std::optional<std::chrono::milliseconds> retry_after(const HttpHeaders& headers, Time now);

/// The pauses between tries: 200 ms, doubled each time up to 8 s, of which a random half is left out so that
/// many clients do not come back together.
class Backoff {
 public:
  /// With `retries` pauses.
  explicit Backoff(int retries) : retries_(retries) {}

  /// Waits for the next pause, or as long as the server asked (more than a minute is too long to wait).
  /// False: no more tries. Throws Error(interrupted) when `stop` was requested.
  bool wait(std::optional<std::chrono::milliseconds> asked, const std::stop_token& stop);
  /// Something came: the next failure is a first one again.
  void reset() { made_ = 0; }

 private:
  int retries_;
  int made_ = 0;
  std::minstd_rand random_{std::random_device{}()};
};

}  // namespace opencat
