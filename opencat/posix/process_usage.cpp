// SPDX-License-Identifier: MIT
#include "opencat/process_usage.hpp"

#include <filesystem>
#include <fstream>
#include <system_error>

#include <sys/resource.h>
#include <unistd.h>

namespace opencat {

namespace {

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

/// Nothing where there is no /proc.
std::optional<double> resident_bytes() {
  std::ifstream file("/proc/self/statm");
  double size = 0;
  double resident = 0;
  if (!(file >> size >> resident)) return std::nullopt;
  return resident * static_cast<double>(sysconf(_SC_PAGESIZE));
}

std::optional<double> open_files() {
  std::error_code problem;
  std::filesystem::directory_iterator entry("/proc/self/fd", problem);
  if (problem) return std::nullopt;
  // The one that reads this folder is among them.
  return static_cast<double>(std::distance(entry, std::filesystem::directory_iterator())) - 1;
}

std::optional<double> max_open_files() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return std::nullopt;
  return static_cast<double>(limit.rlim_cur);
}

}  // namespace

ProcessUsage process_usage() { return {cpu_seconds(), resident_bytes(), open_files(), max_open_files()}; }

}  // namespace opencat
