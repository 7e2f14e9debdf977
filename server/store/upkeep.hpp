// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "opencat/clock.hpp"
#include "server/store/admin_store.hpp"

namespace opencat {

struct UpkeepOptions {
  std::chrono::days keep_usage{400};  ///< by days; what is older is kept by months
  std::chrono::minutes utc_offset{};  ///< of the zone in which a day begins
  std::chrono::milliseconds look_every{60'000};
  std::chrono::seconds keep_deleted{std::chrono::days{7}};  ///< tokens, which can be restored so long
};

/// Looks after a store on a thread of its own, at the start and each day of the clock: rolls old usage up, in
/// steps that let admissions between them. More often, it ends tokens that were deleted long enough ago, and
/// keeps the WAL within its bound.
class Upkeep {
 public:
  /// `warn` takes lines for the operator, on the thread of this object.
  Upkeep(AdminStore& store, const Clock& clock, const UpkeepOptions& options,
         std::function<void(const std::string&)> warn);
  /// Ends after the step it is in.
  ~Upkeep();
  Upkeep(const Upkeep&) = delete;
  Upkeep& operator=(const Upkeep&) = delete;

 private:
  void work();
  void look_after();
  /// Waits; whether it is to go on.
  bool pause(std::chrono::milliseconds time);

  AdminStore& store_;
  const Clock& clock_;
  UpkeepOptions options_;
  std::function<void(const std::string&)> warn_;
  std::string done_for_;  ///< the day
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace opencat
