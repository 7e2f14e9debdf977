// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "server/store/postgres/counting_batch.hpp"
#include "server/store/store.hpp"

namespace opencat::postgres {

/// The connection over which a node counts: made anew when it breaks, and then asked first what became of the
/// group that was being committed, so that nothing is counted twice or not at all. The commit queue's
/// thread's, but for clock_ahead().
class CountingSession {
 public:
  CountingSession(std::string url, const std::string& node, const StoreOptions& options);

  /// For CommitQueue::Transaction. begin() throws Error(unavailable) while the database cannot be reached.
  void begin();
  void commit();
  void roll_back();

  /// What the group that has begun takes in.
  CountingBatch& batch() { return batch_; }
  /// Work that the queue tries again when its group was not kept: it is left out if it was kept after all.
  std::function<void()> once(std::function<void(CountingBatch&)> work);
  /// Hears of each request that was counted although its client was told that it could not be.
  void take_back_with(std::function<void(const Reservation&)> take_back) {
    take_back_ = std::move(take_back);
  }

  /// See Store. Any thread.
  std::chrono::milliseconds clock_ahead() const { return std::chrono::milliseconds{ahead_ms_}; }

 private:
  void connect();
  void resolve_doubt();
  void compare_clocks();

  struct Doubt {
    std::int64_t number = 0;
    std::vector<Reservation> counted;
  };

  std::string url_;
  std::string node_;
  Session::Patience patience_;
  const Clock* clock_;
  std::function<void(std::chrono::nanoseconds)> on_commit_;
  std::function<void(const Reservation&)> take_back_;
  CountingBatch batch_;
  std::unique_ptr<Session> session_;
  std::int64_t number_ = 0;  ///< of the group that has begun
  std::optional<Doubt> doubt_;
  std::int64_t kept_after_all_ = 0;  ///< the last group that was found committed when nobody knew
  std::chrono::steady_clock::time_point refused_at_{};
  std::chrono::steady_clock::time_point compared_at_{};
  std::atomic<std::int64_t> ahead_ms_{0};
};

}  // namespace opencat::postgres
