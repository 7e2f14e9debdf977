// SPDX-License-Identifier: MIT
#include "server/ending.hpp"

#include <algorithm>
#include <thread>

namespace opencat {

namespace {

using SteadyClock = std::chrono::steady_clock;

/// A client may have sent its request already when it is decided that nobody reads it here any more; for so
/// long each connection is read on.
constexpr std::chrono::seconds farewell{5};
/// A stream that goes on beside the next server ends by itself; this is for one that does not.
constexpr std::chrono::hours longest_last_stream{6};

void wait_for_clients(const http::HttpServer& http, SteadyClock::duration patience,
                      const std::stop_token& stop = {}) {
  const auto deadline = SteadyClock::now() + patience;
  while (http.open_connections() > 0 && SteadyClock::now() < deadline && !stop.stop_requested())
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
}

}  // namespace

void Ending::hand_over(Handover how) {
  const std::lock_guard lock(mutex_);
  handover_ = how;
  changed_.notify_all();
}

bool Ending::is_beside_another() const {
  const std::lock_guard lock(mutex_);
  return handover_ == Handover::beside;
}

void Ending::run(const std::stop_token& stop, const Parts& parts) {
  using Drain = http::HttpServer::Drain;
  std::optional<Handover> handover;
  {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, stop, [this] { return handover_.has_value(); });
    handover = handover_;
  }
  if (handover) {
    // Nobody is turned away: another process has the listener, too.
    parts.http.drain(Drain::gently);
    if (parts.ops != nullptr) parts.ops->drain(Drain::gently);
    wait_for_clients(parts.http, std::min(farewell, parts.drain_timeout), stop);
  } else {
    parts.readiness.drain();
  }
  parts.http.drain(Drain::now);
  if (handover == Handover::beside) wait_for_clients(parts.http, longest_last_stream, stop);
  if (handover != Handover::beside || stop.stop_requested())
    wait_for_clients(parts.http, parts.drain_timeout);
  parts.http.stop();
  if (parts.ops != nullptr) parts.ops->stop();
}

}  // namespace opencat
