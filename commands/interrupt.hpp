// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <memory>
#include <stop_token>

namespace opencat {

/// Turns SIGINT, SIGTERM and SIGHUP into a stop request while it lives. Made first thing in main(), before
/// any other thread: the signals are blocked in all of them and waited for in one. A second signal ends the
/// process at once.
class Interrupt {
 public:
  Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;
  ~Interrupt();

  std::stop_token token() const;

  /// From now on SIGHUP calls this, on a thread of its own, instead of being a stop request. It must not
  /// throw; an empty function takes it back, and none is under way when that returns.
  void on_hangup(std::function<void()> reload);

  /// The same for SIGUSR2; one that came before this is answered now.
  void on_upgrade(std::function<void()> upgrade);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace opencat
