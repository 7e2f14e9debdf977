// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "opencat/poller.hpp"

namespace opencat {

/// What a descriptor may be waited for, and what it was found to be; bits to be joined.
enum Readiness : unsigned {
  readable = 1,
  writable = 2,
  hung_up = 4,  ///< the peer closed or reset; reported whether asked for or not
};

/// Hears of its descriptor's readiness, on the loop's thread.
class Watcher {
 public:
  virtual ~Watcher() = default;
  virtual void on_ready(unsigned readiness) = 0;
};

/// One thread's loop over descriptors, timers and posted work. Only post(), stop() and in_loop() may
/// be called from other threads; all else belongs to the thread that is in run(), or to any one thread before
/// it.
class EventLoop {
 public:
  using Work = std::function<void()>;
  using Timer = std::pair<std::chrono::steady_clock::time_point, std::uint64_t>;

  EventLoop();
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  /// Serves until stop(). Exceptions thrown by work are a bug and end the process.
  void run();
  void stop();

  /// Runs `work` on the loop's thread, after what was posted before it.
  void post(Work work);
  bool in_loop() const { return thread_ == std::this_thread::get_id(); }

  /// The descriptor must be non-blocking and stay open until unwatch(); after that no call comes for it, not
  /// even one that the kernel had already reported.
  void watch(int descriptor, unsigned wanted, Watcher& watcher);
  void change(int descriptor, unsigned wanted);
  void unwatch(int descriptor);

  /// When this turn of the loop began: for what is done for each event and can be some milliseconds off.
  std::chrono::steady_clock::time_point now() const { return now_; }
  Timer call_after(std::chrono::milliseconds delay, Work work);
  void cancel(const Timer& timer) { timers_.erase(timer); }

 private:
  struct Slot {
    Watcher* watcher = nullptr;
    std::uint32_t generation = 0;
  };
  std::uint64_t tag_of(int descriptor) const;
  void run_posted();
  void run_timers();
  int wait_ms() const;

  Poller poller_;
  std::vector<Slot> slots_;  ///< by descriptor
  std::map<Timer, Work> timers_;
  std::uint64_t next_timer_ = 0;
  std::chrono::steady_clock::time_point now_ = std::chrono::steady_clock::now();
  std::atomic<std::thread::id> thread_{};
  std::mutex mutex_;  ///< guards posted_
  std::vector<Work> posted_;
  std::atomic<bool> has_posted_{false};
  std::atomic<bool> stopped_{false};
};

}  // namespace opencat
