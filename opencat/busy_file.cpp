// SPDX-License-Identifier: MIT
#include "opencat/busy_file.hpp"

#include <thread>

#include "opencat/error.hpp"

namespace opencat {

namespace {

constexpr std::chrono::milliseconds pause{100};

}  // namespace

bool is_sharing_violation([[maybe_unused]] const std::error_code& why) {
#ifdef _WIN32
  // ERROR_ACCESS_DENIED, ERROR_SHARING_VIOLATION, ERROR_LOCK_VIOLATION
  return why.category() == std::system_category() &&
         (why.value() == 5 || why.value() == 32 || why.value() == 33);
#else
  return false;
#endif
}

void retry_while_busy(const std::string& what, const std::function<std::error_code()>& work,
                      const BusyPatience& patience) {
  const auto is_busy = patience.is_busy ? patience.is_busy : is_sharing_violation;
  const auto end = patience.now() + patience.longest;
  for (;;) {
    const std::error_code why = work();
    if (!why) return;
    if (!is_busy(why)) throw Error(ErrorKind::failed, what + ": " + why.message(), why.message());
    if (patience.now() >= end) {
      const auto waited = std::chrono::duration_cast<std::chrono::seconds>(patience.longest).count();
      throw Error(ErrorKind::failed,
                  what + ": another program, such as a virus scanner, has had it open for " +
                      std::to_string(waited) + " s; close what runs from there, and try again",
                  why.message());
    }
    if (patience.sleep) {
      patience.sleep(pause);
    } else {
      std::this_thread::sleep_for(pause);
    }
  }
}

}  // namespace opencat
