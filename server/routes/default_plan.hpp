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
  void change(const std::string& name) {
    const std::lock_guard lock(mutex_);
    name_ = name;
  }

 private:
  mutable std::mutex mutex_;
  std::string name_;
};

}  // namespace opencat::routes
