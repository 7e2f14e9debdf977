// SPDX-License-Identifier: MIT
#include "server/metrics/server_metrics.hpp"

namespace opencat::metrics {

namespace {

constexpr std::size_t max_models = 200;
/// Of each model: input and output, reported and estimated.
constexpr std::size_t max_token_series = 4 * max_models;

// All lists but the last are the conventions' advice (opentelemetry.io, "HTTP metrics" and "Generative AI
// metrics").
const std::vector<double> http_seconds{0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25,
                                       0.5,   0.75, 1,     2.5,  5,     7.5, 10};
const std::vector<double> gen_ai_seconds{0.01, 0.02, 0.04, 0.08,  0.16,  0.32,  0.64,
                                         1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92};
const std::vector<double> first_token_seconds{0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1,
                                              0.25,  0.5,   0.75, 1,    2.5,  5,    7.5,  10};
const std::vector<double> token_counts{1,     4,     16,     64,      256,     1024,     4096,
                                       16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864};
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
      gen_ai_tokens(registry.histograms(
          "gen_ai_client_token_usage", "Tokens of the model that a request used; its sum is that of tokens.",
          {"gen_ai_operation_name", "gen_ai_request_model", "gen_ai_token_type", "opencat_estimated"},
          token_counts, max_token_series)),
      commit_seconds(registry.histogram("opencat_store_commit_duration_seconds",
                                        "Time of one commit to the database, for all requests in it.",
                                        disk_seconds)),
      access_log_dropped(registry.counter("opencat_access_log_dropped_total",
                                          "Lines of the access log that could not be written in time.")) {
  add_process_metrics(registry);
}

void ServerMetrics::count_tokens(std::string_view path, std::string_view model, std::int64_t input,
                                 std::int64_t output, bool estimated) {
  const auto count = [&](std::string_view type, std::int64_t tokens) {
    if (tokens <= 0) return;
    gen_ai_tokens.with({gen_ai_operation(path), model, type, estimated ? "true" : "false"})
        .observe(static_cast<double>(tokens));
  };
  count("input", input);
  count("output", output);
}

std::string_view gen_ai_operation(std::string_view path) {
  if (path.ends_with("/embeddings")) return "embeddings";
  if (path.ends_with("/chat/completions")) return "chat";
  if (path.ends_with("/completions")) return "text_completion";
  const bool makes_media =
      path.find("/images/") != std::string_view::npos || path.find("/audio/") != std::string_view::npos;
  return makes_media ? "generate_content" : "chat";
}

}  // namespace opencat::metrics
