// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <stop_token>

namespace opencat {

/// Turns SIGINT and SIGTERM into a stop request while it lives. Made first thing in main(), before any other
/// thread: the signals are blocked in all of them and waited for in one. A second signal ends the process at
/// once.
class Interrupt {
 public:
  Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;
  ~Interrupt();

  std::stop_token token() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace opencat
