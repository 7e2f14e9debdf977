// SPDX-License-Identifier: MIT
#include <chrono>
#include <filesystem>
#include <fstream>

#include <sys/resource.h>
#include <unistd.h>

#include "server/metrics/server_metrics.hpp"

namespace opencat::metrics {

namespace {

using Kind = Registry::Kind;

std::vector<Sample> one(double value) { return {{{}, value}}; }

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

/// Nothing where there is no /proc.
std::vector<Sample> resident_bytes() {
  std::ifstream file("/proc/self/statm");
  double size = 0;
  double resident = 0;
  if (!(file >> size >> resident)) return {};
  return one(resident * static_cast<double>(sysconf(_SC_PAGESIZE)));
}

std::vector<Sample> open_descriptors() {
  std::error_code problem;
  std::filesystem::directory_iterator entry("/proc/self/fd", problem);
  if (problem) return {};
  // The one that reads this folder is among them.
  return one(static_cast<double>(std::distance(entry, std::filesystem::directory_iterator())) - 1);
}

std::vector<Sample> max_descriptors() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return {};
  return one(static_cast<double>(limit.rlim_cur));
}

}  // namespace

void add_process_metrics(Registry& registry) {
  registry.sampled("process_cpu_seconds_total", "CPU time used, user and system.", Kind::counter, {},
                   [] { return one(cpu_seconds()); });
  registry.sampled("process_resident_memory_bytes", "Resident memory.", Kind::gauge, {}, resident_bytes);
  registry.sampled("process_open_fds", "Open file descriptors.", Kind::gauge, {}, open_descriptors);
  registry.sampled("process_max_fds", "The most file descriptors there may be.", Kind::gauge, {},
                   max_descriptors);
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  registry.sampled("process_start_time_seconds", "When the server started, in seconds since 1970.",
                   Kind::gauge, {},
                   [start = std::chrono::duration<double>(now).count()] { return one(start); });
}

}  // namespace opencat::metrics
