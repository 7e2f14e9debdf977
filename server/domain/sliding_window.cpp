// SPDX-License-Identifier: MIT
#include "server/domain/sliding_window.hpp"

#include <algorithm>

namespace opencat {

namespace chrono = std::chrono;

chrono::seconds SlidingWindow::take(const std::string& key, Moment now) {
  forget_silent(now);
  std::deque<Moment>& times = events_[key];
  while (!times.empty() && times.front() <= now - window_) times.pop_front();
  if (times.size() >= limit_) {
    const auto free_at = times.empty() ? now + window_ : times.front() + window_;
    return std::max(chrono::seconds{1}, chrono::ceil<chrono::seconds>(free_at - now));
  }
  times.push_back(now);
  return chrono::seconds{0};
}

void SlidingWindow::give_back(const std::string& key) {
  const auto found = events_.find(key);
  if (found != events_.end() && !found->second.empty()) found->second.pop_back();
}

void SlidingWindow::forget_silent(Moment now) {
  // Once a window, all of it: on average each event pays for looking at one key.
  if (now < next_cleaning_) return;
  next_cleaning_ = now + window_;
  std::erase_if(events_, [&](const auto& entry) {
    return entry.second.empty() || entry.second.back() <= now - window_;
  });
}

}  // namespace opencat
