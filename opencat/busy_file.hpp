// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <system_error>

namespace opencat {

/// How long work is done again, and by which clock; the defaults are the real ones.
struct BusyPatience {
  std::chrono::milliseconds longest{30'000};
  std::function<std::chrono::steady_clock::time_point()> now = std::chrono::steady_clock::now;
  std::function<void(std::chrono::milliseconds)> sleep;  ///< empty: this thread's
  std::function<bool(const std::error_code&)> is_busy;   ///< empty: is_sharing_violation()
};

/// Whether a file is open elsewhere, as virus scanners and indexers on Windows open what was just written:
/// ERROR_SHARING_VIOLATION and ERROR_LOCK_VIOLATION, and ERROR_ACCESS_DENIED, which a folder gives that has
/// such a file in it (https://learn.microsoft.com/en-us/windows/win32/debug/system-error-codes--0-499-).
/// Elsewhere nothing is: an open file can be renamed and removed there.
bool is_sharing_violation(const std::error_code& why);

/// Does `work` until it succeeds: again every 100 ms while another program is in the way. Throws
/// Error(failed) that begins with `what`, as "cannot rename FILE", for any other failure at once, and for
/// that one after 30 s, with what to do.
void retry_while_busy(const std::string& what, const std::function<std::error_code()>& work,
                      const BusyPatience& patience = {});

}  // namespace opencat
