// SPDX-License-Identifier: MIT
#pragma once

#include <mutex>
#include <string>

namespace opencat::routes {

/// The name of the plan that new tokens get, "" for none; it may change while the server runs. Any thread.
class DefaultPlan {
 public:
  explicit DefaultPlan(std::string name = {}) : name_(std::move(name)) {}

  std::string name() const {
    const std::lock_guard lock(mutex_);
    return name_;
  }
  /// What `check` throws changes nothing.
  template <class Check>
  void change(const std::string& name, const Check& check) {
    const std::lock_guard one_at_a_time(changes_);
    check();
    const std::lock_guard lock(mutex_);
    name_ = name;
  }
  /// `act` gets the name, and no change comes between that and its end: so the plan that a change has found
  /// there is not deleted before new tokens get it.
  template <class Act>
  auto while_it_is(const Act& act) const {
    const std::lock_guard one_at_a_time(changes_);
    return act(name());
  }

 private:
  mutable std::mutex changes_;  ///< held for as long as the store takes; nobody who only asks waits for it
  mutable std::mutex mutex_;
  std::string name_;
};

}  // namespace opencat::routes
