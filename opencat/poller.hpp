// SPDX-License-Identifier: MIT
// Waiting for many sockets at once: epoll, and WSAPoll() on Windows. For EventLoop, which says what its words
// mean.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

namespace opencat {

class Poller {
 public:
  /// Hears of a socket, by the tag it was given, and its Readiness bits.
  using OnReady = std::function<void(std::uint64_t tag, unsigned readiness)>;

  Poller();
  ~Poller();
  Poller(const Poller&) = delete;
  Poller& operator=(const Poller&) = delete;

  void add(int descriptor, unsigned wanted, std::uint64_t tag);
  void change(int descriptor, unsigned wanted, std::uint64_t tag);
  void remove(int descriptor);
  /// Waits for up to `timeout_ms` (-1: for ever) and tells of what is ready. `on_ready` may add, change and
  /// remove.
  void wait(int timeout_ms, const OnReady& on_ready);
  /// Ends a wait(), or the next one if there is none. Any thread.
  void wake();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace opencat
