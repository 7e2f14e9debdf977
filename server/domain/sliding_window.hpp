// SPDX-License-Identifier: MIT
// "At most N in the last T", per key. Pure: time is passed in.
#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <string>
#include <unordered_map>

namespace opencat {

/// Exact: it remembers when each counted event of the window was. Memory: at most `limit` times per key seen
/// in the last window; keys that fell silent are forgotten as others come. Not for use from two threads at
/// once.
class SlidingWindow {
 public:
  using Moment = std::chrono::sys_time<std::chrono::milliseconds>;

  SlidingWindow(std::size_t limit, std::chrono::seconds window) : limit_(limit), window_(window) {}

  /// Counts one event of `key` and returns zero, or returns how long until one would fit.
  std::chrono::seconds take(const std::string& key, Moment now);
  /// Takes back the newest event of `key`.
  void give_back(const std::string& key);

 private:
  void forget_silent(Moment now);

  std::size_t limit_;
  std::chrono::seconds window_;
  std::unordered_map<std::string, std::deque<Moment>> events_;
  Moment next_cleaning_{};
};

}  // namespace opencat
