// SPDX-License-Identifier: MIT
#include "commands/interrupt.hpp"

#include <atomic>
#include <csignal>
#include <mutex>
#include <thread>
#include <utility>

#include <pthread.h>
#include <unistd.h>

#include "opencat/error.hpp"

namespace opencat {

struct Interrupt::State {
  std::stop_source source;
  std::atomic<bool> over{false};
  std::mutex mutex;  ///< guards these, and is held while one runs
  std::function<void()> reload;
  std::function<void()> upgrade;
  bool upgrade_wished = false;  ///< while nothing could do it yet
  std::thread waiter;

  /// Whether a SIGHUP was taken as a wish to reload.
  bool reloaded() {
    const std::lock_guard lock(mutex);
    if (reload) reload();
    return static_cast<bool>(reload);
  }

  void start_upgrade() {
    const std::lock_guard lock(mutex);
    if (upgrade)
      upgrade();
    else
      upgrade_wished = true;
  }
};

Interrupt::Interrupt() : state_(std::make_unique<State>()) {
  // A write to a closed pipe or socket is an error like others, not the end of the process.
  std::signal(SIGPIPE, SIG_IGN);
  sigset_t signals;
  sigemptyset(&signals);
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2}) sigaddset(&signals, number);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  state_->waiter = std::thread([state = state_.get(), signals] {
    for (int number = 0; sigwait(&signals, &number) == 0 && !state->over;) {
      if (number == SIGUSR2) state->start_upgrade();
      if (number == SIGUSR1 || number == SIGUSR2 || (number == SIGHUP && state->reloaded())) continue;
      if (state->source.stop_requested()) _exit(facts(ErrorKind::interrupted).exit_code);
      state->source.request_stop();
    }
  });
}

Interrupt::~Interrupt() {
  state_->over = true;
  pthread_kill(state_->waiter.native_handle(), SIGUSR1);
  state_->waiter.join();
}

std::stop_token Interrupt::token() const { return state_->source.get_token(); }

void Interrupt::on_hangup(std::function<void()> reload) {
  const std::lock_guard lock(state_->mutex);
  state_->reload = std::move(reload);
}

void Interrupt::on_upgrade(std::function<void()> upgrade) {
  const std::lock_guard lock(state_->mutex);
  state_->upgrade = std::move(upgrade);
  if (state_->upgrade && std::exchange(state_->upgrade_wished, false)) state_->upgrade();
}

}  // namespace opencat
