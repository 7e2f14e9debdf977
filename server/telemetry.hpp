// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <memory>
#include <unordered_map>

#include "opencat/clock.hpp"
#include "opencat/line_log.hpp"
#include "server/http/http_server.hpp"
#include "server/metrics/server_metrics.hpp"
#include "server/store/store.hpp"
#include "server/upstream/upstream_pool.hpp"

namespace opencat {

/// Turns what is heard of requests into metrics and the access log.
class Telemetry : public http::Observer {
 public:
  /// `access_log` is a file, "-" for standard error, or empty for none. Throws Error(usage) when it cannot be
  /// written.
  Telemetry(const std::filesystem::path& access_log, Clock& clock);

  /// The routes' names are made now, so that a request costs none. To be called before the server starts.
  void learn(const http::Routes& routes);

  metrics::ServerMetrics& metrics() { return metrics_; }
  /// What the parts know of themselves is asked when the metrics are; until Registry::forget_sampled().
  struct Parts {
    const http::HttpServer& http;
    const Store& store;
    const UpstreamPool& upstreams;
    std::size_t max_connections;
  };
  void sample(Parts parts);

  /// See LineLog::reopen().
  void reopen_log();

  void request_began() override { metrics_.http_active.add(1); }
  void stream_began() override { metrics_.streams_open.add(1); }
  void request_ended(const http::Answered& answered, bool had_begun) override;
  void connection_refused() override { metrics_.connections_refused.add(); }

 private:
  Clock& clock_;
  metrics::ServerMetrics metrics_;
  std::unordered_map<std::string, std::string> route_names_;  ///< by pattern
  std::unique_ptr<LineLog> log_;
};

}  // namespace opencat
