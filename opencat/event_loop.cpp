// SPDX-License-Identifier: MIT
#include "opencat/event_loop.hpp"

#include <algorithm>

namespace opencat {

namespace chrono = std::chrono;

EventLoop::EventLoop() = default;

EventLoop::~EventLoop() = default;

void EventLoop::stop() {
  stopped_ = true;
  poller_.wake();
}

void EventLoop::post(Work work) {
  {
    const std::lock_guard lock(mutex_);
    posted_.push_back(std::move(work));
  }
  // The loop looks at this before it waits, so its own thread need not wake it.
  if (!has_posted_.exchange(true) && !in_loop()) poller_.wake();
}

/// Says which watching of which descriptor it is.
std::uint64_t EventLoop::tag_of(int descriptor) const {
  const std::uint64_t generation = slots_[static_cast<std::size_t>(descriptor)].generation;
  return generation << 32 | static_cast<std::uint32_t>(descriptor);
}

void EventLoop::watch(int descriptor, unsigned wanted, Watcher& watcher) {
  const auto index = static_cast<std::size_t>(descriptor);
  if (index >= slots_.size()) slots_.resize(std::max(index + 1, slots_.size() * 2));
  slots_[index].watcher = &watcher;
  ++slots_[index].generation;
  poller_.add(descriptor, wanted, tag_of(descriptor));
}

void EventLoop::change(int descriptor, unsigned wanted) {
  poller_.change(descriptor, wanted, tag_of(descriptor));
}

void EventLoop::unwatch(int descriptor) {
  Slot& slot = slots_[static_cast<std::size_t>(descriptor)];
  slot.watcher = nullptr;
  ++slot.generation;
  poller_.remove(descriptor);
}

EventLoop::Timer EventLoop::call_after(chrono::milliseconds delay, Work work) {
  const Timer timer{chrono::steady_clock::now() + delay, next_timer_++};
  timers_.emplace(timer, std::move(work));
  return timer;
}

int EventLoop::wait_ms() const {
  if (has_posted_) return 0;
  if (timers_.empty()) return -1;
  const auto left = timers_.begin()->first.first - chrono::steady_clock::now();
  // Rounded up: waking just before the timer is due would spin.
  return static_cast<int>(
      std::clamp<std::int64_t>(chrono::ceil<chrono::milliseconds>(left).count(), 0, 60'000));
}

void EventLoop::run_posted() {
  std::vector<Work> work;
  {
    const std::lock_guard lock(mutex_);
    has_posted_ = false;
    work.swap(posted_);
  }
  for (Work& piece : work) piece();
}

void EventLoop::run_timers() {
  const auto now = chrono::steady_clock::now();
  while (!timers_.empty() && timers_.begin()->first.first <= now) {
    const Work work = std::move(timers_.extract(timers_.begin()).mapped());
    work();
  }
}

void EventLoop::run() {
  thread_ = std::this_thread::get_id();
  while (!stopped_) {
    const auto ready = poller_.wait(wait_ms());
    now_ = chrono::steady_clock::now();
    for (const auto& [tag, readiness] : ready) {
      const Slot slot = slots_[static_cast<std::uint32_t>(tag)];
      if (slot.watcher != nullptr && slot.generation == tag >> 32) slot.watcher->on_ready(readiness);
    }
    if (has_posted_) run_posted();
    run_timers();
  }
  // What was posted before the stop still counts, and what that posts: it lets go of what the loop's objects
  // hold.
  while (has_posted_) run_posted();
}

}  // namespace opencat
