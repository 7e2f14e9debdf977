// SPDX-License-Identifier: MIT
#include <chrono>

#include "opencat/process_usage.hpp"
#include "server/metrics/server_metrics.hpp"

namespace opencat::metrics {

namespace {

using Kind = Registry::Kind;

std::vector<Sample> sample(const std::optional<double>& value) {
  if (!value) return {};
  return {{{}, *value}};
}

}  // namespace

void add_process_metrics(Registry& registry) {
  registry.sampled("process_cpu_seconds_total", "CPU time used, user and system.", Kind::counter, {},
                   [] { return sample(process_usage().cpu_seconds); });
  registry.sampled("process_resident_memory_bytes", "Resident memory.", Kind::gauge, {},
                   [] { return sample(process_usage().resident_bytes); });
  registry.sampled("process_open_fds", "Open file descriptors.", Kind::gauge, {},
                   [] { return sample(process_usage().open_files); });
  registry.sampled("process_max_fds", "The most file descriptors there may be.", Kind::gauge, {},
                   [] { return sample(process_usage().max_open_files); });
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  registry.sampled("process_start_time_seconds", "When the server started, in seconds since 1970.",
                   Kind::gauge, {},
                   [start = std::chrono::duration<double>(now).count()] { return sample(start); });
}

}  // namespace opencat::metrics
