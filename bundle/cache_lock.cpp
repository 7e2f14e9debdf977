// SPDX-License-Identifier: MIT
#include "bundle/cache_lock.hpp"

#include <chrono>
#include <thread>

#include "opencat/error.hpp"

namespace opencat {

std::unique_ptr<FileLock> wait_for_lock(const std::filesystem::path& file, const std::string& title,
                                        Progress& progress, const std::stop_token& stop) {
  for (bool said = false;; said = true) {
    if (stop.stop_requested()) throw Error(ErrorKind::interrupted, "interrupted");
    try {
      return std::make_unique<FileLock>(file, FileLock::Wait::never, "busy");
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::unavailable) throw;
    }
    if (!said) progress.say("another opencat is fetching " + title + "; waiting for it");
    // Asked again and again because a blocking lock could not be interrupted.
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
}

}  // namespace opencat
