// SPDX-License-Identifier: MIT
#include "opencat/process_usage.hpp"

#include "opencat/windows/api.hpp"

namespace opencat {

namespace {

/// A FILETIME counts 100 ns.
double seconds(const FILETIME& time) {
  const ULARGE_INTEGER whole{{time.dwLowDateTime, time.dwHighDateTime}};
  return static_cast<double>(whole.QuadPart) / 1e7;
}

}  // namespace

ProcessUsage process_usage() {
  const HANDLE self = GetCurrentProcess();
  ProcessUsage usage;
  FILETIME made, ended, kernel, user;
  if (GetProcessTimes(self, &made, &ended, &kernel, &user))
    usage.cpu_seconds = seconds(kernel) + seconds(user);
  PROCESS_MEMORY_COUNTERS memory{};
  if (GetProcessMemoryInfo(self, &memory, sizeof memory)) {
    usage.resident_bytes = static_cast<double>(memory.WorkingSetSize);
  }
  DWORD handles = 0;
  if (GetProcessHandleCount(self, &handles)) usage.open_files = handles;
  return usage;
}

}  // namespace opencat
