// SPDX-License-Identifier: MIT
#pragma once

#include "server/metrics/metrics.hpp"

namespace opencat::metrics {

/// What a server counts. No label's value comes from a client but one that was checked against a list:
/// methods, routes and models that are known, statuses.
struct ServerMetrics {
  Registry registry;

  /// OpenTelemetry's conventions for HTTP servers. Labels: method, route, status.
  Family<Histogram>& http_duration;
  Gauge& http_active;
  Gauge& streams_open;
  Counter& connections_refused;
  /// OpenTelemetry's conventions for generative AI, server side. Labels: operation, model, and for the first
  /// the status of an answer that failed.
  Family<Histogram>& gen_ai_duration;
  Family<Histogram>& gen_ai_first_token;
  Histogram& commit_seconds;
  Counter& access_log_dropped;

  ServerMetrics();
};

/// This process's CPU time, memory, descriptors and start, under the names that Prometheus's own clients use.
void add_process_metrics(Registry& registry);

}  // namespace opencat::metrics
