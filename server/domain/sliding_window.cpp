// SPDX-License-Identifier: MIT
#include "server/domain/sliding_window.hpp"

#include <algorithm>

namespace opencat {

namespace chrono = std::chrono;

void SlidingWindow::Times::pop_front() {
  ++gone_;
  // Each event is moved at most once for each that is taken.
  if (gone_ * 2 < all_.size()) return;
  all_.erase(all_.begin(), all_.begin() + static_cast<std::ptrdiff_t>(gone_));
  gone_ = 0;
}

chrono::seconds SlidingWindow::take(const std::string& key, Moment now, std::size_t limit) {
  forget_silent(now);
  if (limit == 0) return std::max(chrono::seconds{1}, window_);
  const auto known = by_key_.find(key);
  if (known != by_key_.end()) {
    Times& times = known->second->times;
    while (!times.empty() && times.front() <= now - window_) times.pop_front();
    if (times.size() >= limit) {
      // The limit may have been lowered since: then more than the oldest have to go.
      const Moment last = times[times.size() - limit];
      return std::max(chrono::seconds{1}, chrono::ceil<chrono::seconds>(last + window_ - now));
    }
    times.push_back(now);
    entries_.splice(entries_.end(), entries_, known->second);
    return chrono::seconds{0};
  }
  if (entries_.size() >= max_keys_) forget(entries_.begin());
  entries_.push_back({key, Times(now)});
  by_key_.emplace(entries_.back().key, std::prev(entries_.end()));
  return chrono::seconds{0};
}

void SlidingWindow::give_back(const std::string& key) {
  const auto known = by_key_.find(key);
  if (known == by_key_.end()) return;
  known->second->times.pop_back();
  if (known->second->times.empty()) forget(known->second);
}

void SlidingWindow::forget(Entries::iterator entry) {
  by_key_.erase(entry->key);
  entries_.erase(entry);
}

void SlidingWindow::forget_silent(Moment now) {
  // They stand in the order of their last event, so each is looked at once.
  while (!entries_.empty() && entries_.front().times.back() <= now - window_) forget(entries_.begin());
}

}  // namespace opencat
