// SPDX-License-Identifier: MIT
// "At most N in the last T" for one key whose events are kept elsewhere, by several who take turns. Pure.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace opencat {

/// The events of one key as a short text, which a database keeps between two turns. Exact to the millisecond
/// for limits up to 600; above that, events are taken to be a little later than they were, at most a 600th of
/// the window, so that the text stays short: never more than the limit fit, and a place is free again that
/// much later.
class WindowLog {
 public:
  using Moment = std::chrono::sys_time<std::chrono::milliseconds>;

  /// What text() gave; "" is a key that was never seen. Nothing for any other text.
  static std::optional<WindowLog> parse(std::string_view text);
  /// "1795424400000", then ",+1200" for an event so much later and "x3" for three at once.
  std::string text() const;

  /// Counts one event and returns zero, or returns how long until one would fit. `now` may lie a little
  /// before an earlier call's, as other machines' clocks do.
  std::chrono::seconds take(std::size_t limit, std::chrono::seconds window, Moment now);

  /// When the newest event was; nothing was before 1970.
  Moment newest() const { return marks_.empty() ? Moment{} : marks_.back().at; }

 private:
  struct Mark {
    Moment at;
    std::int64_t events = 1;
  };
  std::vector<Mark> marks_;  ///< the oldest first
};

}  // namespace opencat
