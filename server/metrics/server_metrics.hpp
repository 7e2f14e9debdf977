// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>

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
  /// Their client side, for this server is the client of its upstreams, and their server side has no such
  /// metric. Labels: operation, model, "input" or "output", and whether the number is this server's estimate.
  Family<Histogram>& gen_ai_tokens;
  Histogram& commit_seconds;
  Counter& access_log_dropped;

  ServerMetrics();

  /// What a request to `path` used of `model`. None of a kind is no value of it: embeddings have no output.
  void count_tokens(std::string_view path, std::string_view model, std::int64_t input, std::int64_t output,
                    bool estimated);
};

/// gen_ai.operation.name of a call, by the end of its path; one of the conventions' where it has one.
std::string_view gen_ai_operation(std::string_view path);

/// This process's CPU time, memory, descriptors and start, under the names that Prometheus's own clients use.
void add_process_metrics(Registry& registry);

}  // namespace opencat::metrics
