// SPDX-License-Identifier: MIT
#include "server/metrics/server_metrics.hpp"

namespace opencat::metrics {

namespace {

constexpr std::size_t max_models = 200;

// Both lists are the conventions' advice (opentelemetry.io, "HTTP metrics" and "Generative AI metrics").
const std::vector<double> http_seconds{0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25,
                                       0.5,   0.75, 1,     2.5,  5,     7.5, 10};
const std::vector<double> gen_ai_seconds{0.01, 0.02, 0.04, 0.08,  0.16,  0.32,  0.64,
                                         1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92};
const std::vector<double> first_token_seconds{0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1,
                                              0.25,  0.5,   0.75, 1,    2.5,  5,    7.5,  10};
const std::vector<double> disk_seconds{0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01,
                                       0.025,  0.05,    0.1,    0.25,  0.5,    1,     5};

}  // namespace

ServerMetrics::ServerMetrics()
    : http_duration(registry.histograms(
          "http_server_request_duration_seconds",
          "Time from a request's head to the end of its answer; its count is that of requests.",
          {"http_request_method", "http_route", "http_response_status_code"}, http_seconds)),
      http_active(registry.gauge("http_server_active_requests", "Requests that are being answered.")),
      streams_open(registry.gauge("opencat_streams_open", "Answers that are being streamed.")),
      connections_refused(registry.counter("opencat_connections_refused_total",
                                           "Connections turned away at the limit of connections.")),
      gen_ai_duration(registry.histograms(
          "gen_ai_server_request_duration_seconds", "Time of a model's answer, its last token included.",
          {"gen_ai_operation_name", "gen_ai_request_model", "error_type"}, gen_ai_seconds, max_models)),
      gen_ai_first_token(registry.histograms(
          "gen_ai_server_time_to_first_token_seconds", "Time to the first piece of a streamed answer.",
          {"gen_ai_operation_name", "gen_ai_request_model"}, first_token_seconds, max_models)),
      commit_seconds(registry.histogram("opencat_store_commit_duration_seconds",
                                        "Time of one commit to the database, for all requests in it.",
                                        disk_seconds)),
      access_log_dropped(registry.counter("opencat_access_log_dropped_total",
                                          "Lines of the access log that could not be written in time.")) {
  add_process_metrics(registry);
}

}  // namespace opencat::metrics
