// SPDX-License-Identifier: MIT
#include "commands/interrupt.hpp"

#include <atomic>

#include "opencat/error.hpp"
#include "opencat/windows/api.hpp"

namespace opencat {

struct Interrupt::State {
  std::stop_source source;
  HANDLE over = CreateEventW(nullptr, TRUE, FALSE, nullptr);

  /// Windows calls a function that it hands nothing to, on a thread of its own.
  static std::atomic<State*>& current() {
    static std::atomic<State*> state{nullptr};
    return state;
  }

  static BOOL WINAPI on_event(DWORD event) {
    State* const state = current();
    if (state == nullptr) return FALSE;
    if (state->source.stop_requested())
      ExitProcess(static_cast<UINT>(facts(ErrorKind::interrupted).exit_code));
    state->source.request_stop();
    // The window was closed, or the user logs off: the process ends when this returns, and gets 5 s before.
    if (event != CTRL_C_EVENT && event != CTRL_BREAK_EVENT) WaitForSingleObject(state->over, INFINITE);
    return TRUE;
  }
};

Interrupt::Interrupt() : state_(std::make_unique<State>()) {
  State::current() = state_.get();
  // A process whose parent ignores Ctrl-C does so too, until it says otherwise.
  SetConsoleCtrlHandler(nullptr, FALSE);
  SetConsoleCtrlHandler(&State::on_event, TRUE);
}

Interrupt::~Interrupt() {
  SetConsoleCtrlHandler(&State::on_event, FALSE);
  State::current() = nullptr;
  SetEvent(state_->over);
  CloseHandle(state_->over);
}

std::stop_token Interrupt::token() const { return state_->source.get_token(); }

// Nothing hangs up here: what would be reloaded is read at the next start.
void Interrupt::on_hangup(std::function<void()>) {}

void Interrupt::on_upgrade(std::function<void()>) {}

}  // namespace opencat
