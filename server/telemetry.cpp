// SPDX-License-Identifier: MIT
#include "server/telemetry.hpp"

#include <array>
#include <chrono>

#include <fmt/format.h>

#include "server/http/access_log.hpp"

namespace opencat {

namespace {

double seconds(std::chrono::steady_clock::duration duration) {
  return std::chrono::duration<double>(duration).count();
}

/// The method as a label: one of those that are known.
std::string_view known_method(std::string_view method) {
  for (const std::string_view known : {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}) {
    if (method == known) return known;
  }
  return "_OTHER";
}

}  // namespace

Telemetry::Telemetry(const std::filesystem::path& access_log, Clock& clock) : clock_(clock) {
  if (access_log.empty()) return;
  log_ = std::make_unique<LineLog>(
      access_log, [&dropped = metrics_.access_log_dropped](std::uint64_t lines) { dropped.add(lines); });
}

void Telemetry::learn(const http::Routes& routes) {
  for (const http::Route& route : routes) route_names_[route.pattern] = http::route_name(route.pattern);
}

void Telemetry::sample(Parts parts) {
  using metrics::Registry;
  using metrics::Sample;
  Registry& registry = metrics_.registry;
  const auto one = [&](const char* name, const char* help, auto read) {
    registry.sampled(name, help, Registry::Kind::gauge, {}, [read] {
      return std::vector<Sample>{{{}, static_cast<double>(read())}};
    });
  };
  one("opencat_connections_open", "Clients' connections.", [parts] { return parts.http.open_connections(); });
  one("opencat_connections_limit", "The most there may be.", [parts] { return parts.max_connections; });
  one("opencat_blocking_queue_length", "Requests that wait for a thread.",
      [parts] { return parts.http.waiting_for_thread(); });
  one("opencat_store_queue_length", "Changes that wait to be committed.",
      [parts] { return parts.store.waiting(); });
  const auto each = [&](const char* name, const char* help, Registry::Kind kind, auto read) {
    registry.sampled(name, help, kind, {"upstream"}, [parts, read] {
      std::vector<Sample> samples;
      for (const UpstreamStatus& upstream : parts.upstreams.status())
        samples.push_back({{upstream.config.name}, static_cast<double>(read(upstream))});
      return samples;
    });
  };
  using Kind = Registry::Kind;
  each("opencat_upstream_healthy", "1, or 0 while it cools down after a failure.", Kind::gauge,
       [](const UpstreamStatus& it) { return it.state == UpstreamHealth::State::healthy ? 1 : 0; });
  each("opencat_upstream_calls_in_flight", "Calls that are being answered.", Kind::gauge,
       [](const UpstreamStatus& it) { return it.in_flight; });
  each("opencat_upstream_calls_total", "Calls made.", Kind::counter,
       [](const UpstreamStatus& it) { return it.calls; });
  each("opencat_upstream_failures_total", "Calls that failed.", Kind::counter,
       [](const UpstreamStatus& it) { return it.failures; });
}

void Telemetry::reopen_log() {
  if (log_) log_->reopen();
}

void Telemetry::request_ended(const http::Answered& answered, bool had_begun) {
  if (had_begun) metrics_.http_active.add(-1);
  if (answered.streamed) metrics_.streams_open.add(-1);
  std::string_view route;
  if (answered.route != nullptr) {
    const auto found = route_names_.find(answered.route->pattern);
    if (found != route_names_.end()) route = found->second;
  }
  std::array<char, 8> buffer;
  const auto end = fmt::format_to_n(buffer.data(), buffer.size(), "{}", answered.status).out;
  const std::string_view status(buffer.data(), static_cast<std::size_t>(end - buffer.data()));
  metrics_.http_duration.with({known_method(answered.request.method), route, status})
      .observe(seconds(answered.duration));
  const http::AnswerNotes& notes = answered.notes;
  if (!notes.model.empty()) {
    const std::string_view operation = metrics::gen_ai_operation(route);
    const bool failed = answered.status >= 400;
    metrics_.gen_ai_duration
        .with({operation, notes.model,
               failed         ? status
               : answered.cut ? "499"
                              : std::string_view()})
        .observe(seconds(answered.duration));
    if (answered.first_piece) {
      metrics_.gen_ai_first_token.with({operation, notes.model}).observe(seconds(*answered.first_piece));
    }
  }
  if (log_) log_->write(http::access_log_line(answered, route, clock_.now()));
}

}  // namespace opencat
