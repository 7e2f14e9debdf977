// SPDX-License-Identifier: MIT
#include "opencat/parallel.hpp"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "opencat/error.hpp"

namespace opencat {

unsigned usable_threads() { return std::max(1u, std::thread::hardware_concurrency()); }

void in_parallel(std::size_t count, unsigned threads, const std::stop_token& stop,
                 const std::function<void(std::size_t, std::stop_token)>& work) {
  std::stop_source ours;
  const std::stop_callback follow(stop, [&] { ours.request_stop(); });
  std::atomic<std::size_t> next{0};
  std::mutex mutex;
  std::exception_ptr failure;
  const auto run = [&] {
    try {
      for (std::size_t i; !ours.stop_requested() && (i = next++) < count;) work(i, ours.get_token());
    } catch (...) {
      // The first: those after it may only have been interrupted because of it.
      const std::lock_guard lock(mutex);
      if (!failure) failure = std::current_exception();
      ours.request_stop();
    }
  };
  {
    std::vector<std::jthread> others;
    const std::size_t wanted = std::min<std::size_t>(count, threads == 0 ? usable_threads() : threads);
    for (std::size_t i = 1; i < wanted; ++i) others.emplace_back(run);
    run();
  }
  if (failure) std::rethrow_exception(failure);
  if (stop.stop_requested()) throw Error(ErrorKind::interrupted, "interrupted");
}

}  // namespace opencat
