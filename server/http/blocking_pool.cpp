// SPDX-License-Identifier: MIT
#include "server/http/blocking_pool.hpp"

#include "opencat/error.hpp"

namespace opencat::http {

BlockingPool::BlockingPool(std::size_t threads, std::size_t max_waiting) : max_waiting_(max_waiting) {
  for (std::size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { work(); });
}

BlockingPool::~BlockingPool() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void BlockingPool::run(std::function<void()> work) {
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.size() >= max_waiting_) {
      throw Error(ErrorKind::unavailable, "the server has too much to do just now; try again in a moment");
    }
    waiting_.push_back(std::move(work));
  }
  changed_.notify_one();
}

std::size_t BlockingPool::waiting() const {
  const std::lock_guard lock(mutex_);
  return waiting_.size();
}

void BlockingPool::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
    if (waiting_.empty()) return;
    const auto piece = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    piece();
    lock.lock();
  }
}

}  // namespace opencat::http
