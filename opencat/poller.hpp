// SPDX-License-Identifier: MIT
// Waiting for many sockets at once: epoll, and WSAPoll() on Windows. For EventLoop, which says what its words
// mean.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

namespace opencat {

class Poller {
 public:
  /// A socket, by the tag it was given, and its Readiness bits.
  struct Ready {
    std::uint64_t tag;
    unsigned readiness;
  };

  Poller();
  ~Poller();
  Poller(const Poller&) = delete;
  Poller& operator=(const Poller&) = delete;

  void add(int descriptor, unsigned wanted, std::uint64_t tag);
  void change(int descriptor, unsigned wanted, std::uint64_t tag);
  void remove(int descriptor);
  /// Waits for up to `timeout_ms` (-1: for ever): what is ready. It stays as it is until the next wait(),
  /// whatever is added, changed and removed meanwhile.
  std::span<const Ready> wait(int timeout_ms);
  /// Ends a wait(), or the next one if there is none. Any thread.
  void wake();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace opencat
