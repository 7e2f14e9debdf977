// SPDX-License-Identifier: MIT
#include "opencat/event_loop.hpp"

#include <algorithm>
#include <array>

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "opencat/error.hpp"

namespace opencat {

namespace chrono = std::chrono;

EventLoop::EventLoop()
    : epoll_(epoll_create1(EPOLL_CLOEXEC)), wakeup_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  if (epoll_ < 0 || wakeup_ < 0) throw system_error("cannot make an event loop");
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = static_cast<std::uint32_t>(wakeup_);
  if (epoll_ctl(epoll_, EPOLL_CTL_ADD, wakeup_, &event) != 0) throw system_error("cannot make an event loop");
}

EventLoop::~EventLoop() {
  ::close(wakeup_);
  ::close(epoll_);
}

void EventLoop::wake() {
  const std::uint64_t one = 1;
  // A full counter wakes as well as one more would.
  [[maybe_unused]] const ssize_t written = ::write(wakeup_, &one, sizeof one);
}

void EventLoop::stop() {
  stopped_ = true;
  wake();
}

void EventLoop::post(Work work) {
  {
    const std::lock_guard lock(mutex_);
    posted_.push_back(std::move(work));
  }
  // The loop looks at this before it waits, so its own thread need not wake it.
  if (!has_posted_.exchange(true) && !in_loop()) wake();
}

void EventLoop::control(int operation, int descriptor, unsigned wanted) {
  epoll_event event{};
  event.events = EPOLLRDHUP;
  if (wanted & readable) event.events |= EPOLLIN;
  if (wanted & writable) event.events |= EPOLLOUT;
  const std::uint64_t generation = slots_[static_cast<std::size_t>(descriptor)].generation;
  event.data.u64 = generation << 32 | static_cast<std::uint32_t>(descriptor);
  if (epoll_ctl(epoll_, operation, descriptor, &event) != 0) throw system_error("cannot watch a socket");
}

void EventLoop::watch(int descriptor, unsigned wanted, Watcher& watcher) {
  const auto index = static_cast<std::size_t>(descriptor);
  if (index >= slots_.size()) slots_.resize(std::max(index + 1, slots_.size() * 2));
  slots_[index].watcher = &watcher;
  ++slots_[index].generation;
  control(EPOLL_CTL_ADD, descriptor, wanted);
}

void EventLoop::change(int descriptor, unsigned wanted) { control(EPOLL_CTL_MOD, descriptor, wanted); }

void EventLoop::unwatch(int descriptor) {
  Slot& slot = slots_[static_cast<std::size_t>(descriptor)];
  slot.watcher = nullptr;
  ++slot.generation;
  epoll_ctl(epoll_, EPOLL_CTL_DEL, descriptor, nullptr);
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
  std::array<epoll_event, 256> events;
  while (!stopped_) {
    const int count = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), wait_ms());
    for (int i = 0; i < count; ++i) {
      const epoll_event& event = events[static_cast<std::size_t>(i)];
      const auto descriptor = static_cast<std::uint32_t>(event.data.u64);
      if (static_cast<int>(descriptor) == wakeup_) {
        std::uint64_t counter = 0;
        [[maybe_unused]] const ssize_t got = ::read(wakeup_, &counter, sizeof counter);
        continue;
      }
      const Slot slot = slots_[descriptor];
      if (slot.watcher == nullptr || slot.generation != event.data.u64 >> 32) continue;
      unsigned readiness = 0;
      if (event.events & EPOLLIN) readiness |= readable;
      if (event.events & EPOLLOUT) readiness |= writable;
      if (event.events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) readiness |= hung_up;
      slot.watcher->on_ready(readiness);
    }
    if (has_posted_) run_posted();
    run_timers();
  }
  // What was posted before the stop still counts, and what that posts: it lets go of what the loop's objects
  // hold.
  while (has_posted_) run_posted();
}

}  // namespace opencat
