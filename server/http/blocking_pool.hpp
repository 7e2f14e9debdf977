// SPDX-License-Identifier: MIT
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace opencat::http {

/// A few threads for handlers that wait for the store or a disk. Any thread may call run().
class BlockingPool {
 public:
  BlockingPool(std::size_t threads, std::size_t max_waiting);
  /// Finishes what is waiting.
  ~BlockingPool();

  /// Queues `work`; throws Error(unavailable) when `max_waiting` pieces wait already.
  void run(std::function<void()> work);
  std::size_t waiting() const;

 private:
  void work();

  std::size_t max_waiting_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> waiting_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace opencat::http
