// SPDX-License-Identifier: MIT
// "At most N in the last T", per key. Pure: time is passed in.
#pragma once

#include <chrono>
#include <cstddef>
#include <limits>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace opencat {

/// Exact: it remembers when each counted event of the window was. Memory: at most the limit's times per key
/// seen in the last window, and at most `max_keys` keys; those that fell silent are forgotten as others come,
/// and at the bound the one that was silent the longest, so that no number of addresses can fill the memory.
/// Not for use from two threads at once.
class SlidingWindow {
 public:
  using Moment = std::chrono::sys_time<std::chrono::milliseconds>;

  SlidingWindow(std::size_t limit, std::chrono::seconds window,
                std::size_t max_keys = std::numeric_limits<std::size_t>::max())
      : limit_(limit), window_(window), max_keys_(max_keys) {}

  /// Counts one event of `key` and returns zero, or returns how long until one would fit.
  std::chrono::seconds take(const std::string& key, Moment now) { return take(key, now, limit_); }
  /// Likewise, with a limit of the key's own, which may be another each time.
  std::chrono::seconds take(const std::string& key, Moment now, std::size_t limit);
  /// Takes back the newest event of `key`.
  void give_back(const std::string& key);

  std::size_t keys() const { return entries_.size(); }

 private:
  /// A queue that takes little for few: most keys have one event or two, for which a std::deque takes 576
  /// bytes, and there may be a million keys.
  class Times {
   public:
    explicit Times(Moment first) : all_{first} {}
    bool empty() const { return size() == 0; }
    std::size_t size() const { return all_.size() - gone_; }
    /// The oldest is 0.
    Moment operator[](std::size_t index) const { return all_[gone_ + index]; }
    Moment front() const { return all_[gone_]; }
    Moment back() const { return all_.back(); }
    void push_back(Moment moment) { all_.push_back(moment); }
    void pop_back() { all_.pop_back(); }
    void pop_front();

   private:
    std::vector<Moment> all_;
    std::size_t gone_ = 0;  ///< so many of `all_` have been taken from its front
  };
  struct Entry {
    std::string key;
    Times times;
  };
  using Entries = std::list<Entry>;

  void forget(Entries::iterator entry);
  void forget_silent(Moment now);

  std::size_t limit_;
  std::chrono::seconds window_;
  std::size_t max_keys_;
  Entries entries_;  ///< the one that was counted last is last
  std::unordered_map<std::string_view, Entries::iterator> by_key_;
};

}  // namespace opencat
