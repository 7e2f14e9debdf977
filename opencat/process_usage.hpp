// SPDX-License-Identifier: MIT
#pragma once

#include <optional>

namespace opencat {

/// What this process uses of its machine; nothing for what the system does not tell.
struct ProcessUsage {
  double cpu_seconds = 0;  ///< user and system
  std::optional<double> resident_bytes;
  std::optional<double> open_files;  ///< with sockets; Windows: all handles
  std::optional<double> max_open_files;
};

ProcessUsage process_usage();

}  // namespace opencat
