// SPDX-License-Identifier: MIT
#include "commands/serve_settings.hpp"

#include <algorithm>

#include "opencat/error.hpp"

namespace opencat {

void ServeSettings::declare(Settings& settings) {
  settings.add({"--host", {"OPENCAT_HOST"}, "host", "Listen on this address", &options_.host});
  settings.add({"--port", {"OPENCAT_PORT"}, "port", "Listen on this port; 0 picks one", &port_});
  settings.add({"--public-url",
                {"OPENCAT_PUBLIC_URL"},
                "public_url",
                "Where users reach this server; it may have a path",
                &options_.public_url});
  settings.add(
      {"--data-dir", {"OPENCAT_DATA_DIR"}, "", "The folder of the database and the secrets", &data_dir_});
  settings.add({"--demo", {"OPENCAT_DEMO"}, "demo", "Answer from a built-in demonstration", &options_.demo});
  declare_upstream(settings);
  declare_secrets(settings);
  declare_limits(settings);
}

void ServeSettings::declare_upstream(Settings& settings) {
  settings.add({"--upstream-url",
                {"OPENCAT_UPSTREAM_URL"},
                "upstream.url",
                "The base URL of an OpenAI-compatible API, as https://api.example.com/v1",
                &options_.upstream.url});
  settings.add_secret(
      {"--upstream-key", {"OPENCAT_UPSTREAM_KEY"}, "upstream.key", "Its key", &options_.upstream.key});
  settings.add({"--upstream-model",
                {"OPENCAT_UPSTREAM_MODEL"},
                "upstream.models",
                "A model it offers; the first is the default (repeatable)",
                &options_.upstream.models});
  settings.add({"--connect-timeout",
                {},
                "upstream.connect_timeout",
                "Time to connect to it",
                &connect_timeout_s_,
                Unit::seconds,
                {},
                1});
  settings.add({"--first-byte-timeout",
                {},
                "upstream.first_byte_timeout",
                "Time to its first byte",
                &first_byte_timeout_s_,
                Unit::seconds,
                {},
                1});
  settings.add({"--idle-timeout",
                {},
                "upstream.idle_timeout",
                "Time between two bytes of a stream; its length has no limit",
                &idle_timeout_s_,
                Unit::seconds,
                {},
                1});
}

void ServeSettings::declare_secrets(Settings& settings) {
  settings.add_secret({"--admin-secret",
                       {"OPENCAT_ADMIN_SECRET"},
                       "admin_secret",
                       "The admin's secret; made and kept in the data folder unless given",
                       &options_.admin_secret});
  settings.add({"--enrollment",
                {"OPENCAT_ENROLLMENT"},
                "enrollment",
                "Who may get a token; key unless --demo, then open",
                &enrollment_,
                Unit::none,
                {"open", "key", "closed"}});
  settings.add_secret({"--enroll-key",
                       {"OPENCAT_ENROLL_KEY"},
                       "enroll_key",
                       "The enrolment key; made and kept in the data folder unless given",
                       &options_.enroll_key});
}

void ServeSettings::declare_limits(Settings& settings) {
  settings.add({"--daily-limit",
                {"OPENCAT_DAILY_LIMIT"},
                "limits.daily",
                "Requests a day for each new token",
                &options_.limits.daily});
  settings.add({"--monthly-limit",
                {"OPENCAT_MONTHLY_LIMIT"},
                "limits.monthly",
                "Requests a month for each new token",
                &options_.limits.monthly});
  settings.add({"--rpm-limit",
                {"OPENCAT_RPM_LIMIT"},
                "limits.per_minute",
                "Requests of a token in any 60 seconds",
                &per_minute_,
                Unit::none,
                {},
                1});
  settings.add({"--max-body",
                {"OPENCAT_MAX_BODY"},
                "limits.body",
                "The longest request body",
                &max_body_,
                Unit::bytes,
                {},
                1024});
  settings.add({"--max-connections",
                {"OPENCAT_MAX_CONNECTIONS"},
                "limits.connections",
                "Connections at once; beyond it, 503",
                &max_connections_,
                Unit::none,
                {},
                1});
  settings.add({"--utc-offset",
                {"OPENCAT_UTC_OFFSET"},
                "limits.utc_offset",
                "Minutes east of UTC at which a quota's day begins (480 for China)",
                &utc_offset_,
                Unit::none,
                {},
                -24 * 60});
  settings.add(
      {"--loops", {"OPENCAT_LOOPS"}, "loops", "Threads that drive connections", &loops_, Unit::none, {}, 1});
  settings.add({"--drain-timeout",
                {"OPENCAT_DRAIN_TIMEOUT"},
                "drain_timeout",
                "Time for streams to end after Ctrl-C or SIGTERM",
                &drain_timeout_s_,
                Unit::seconds});
  settings.add({"--keep-usage",
                {"OPENCAT_KEEP_USAGE"},
                "keep_usage",
                "How long usage is kept by days, as 400d; what is older is kept by months",
                &keep_usage_s_,
                Unit::seconds,
                {},
                day_s});
}

ServerOptions ServeSettings::options() {
  if (port_ > 65535) throw Error(ErrorKind::usage, "--port wants a number up to 65535");
  if (options_.demo && !options_.upstream.url.empty()) {
    throw Error(ErrorKind::usage, "--demo answers by itself: leave --upstream-url away, or --demo");
  }
  if (!options_.upstream.url.empty() && options_.upstream.models.empty()) {
    throw Error(ErrorKind::usage,
                "--upstream-url wants at least one --upstream-model, the model that 'auto' means");
  }
  options_.port = static_cast<int>(port_);
  options_.data_dir = data_dir_;
  const std::string mode = enrollment_.empty() ? (options_.demo ? "open" : "key") : enrollment_;
  options_.enrollment = mode == "open"     ? routes::EnrollmentMode::open
                        : mode == "closed" ? routes::EnrollmentMode::closed
                                           : routes::EnrollmentMode::key;
  options_.upstream.limits = {static_cast<std::uint32_t>(connect_timeout_s_ * 1000),
                              static_cast<std::uint32_t>(first_byte_timeout_s_ * 1000),
                              static_cast<std::uint32_t>(idle_timeout_s_ * 1000)};
  options_.requests_per_minute = static_cast<std::size_t>(per_minute_);
  options_.max_body_bytes = static_cast<std::uint64_t>(max_body_);
  options_.max_connections = static_cast<std::size_t>(max_connections_);
  options_.utc_offset = std::chrono::minutes(utc_offset_);
  options_.loops = static_cast<std::size_t>(loops_);
  options_.drain_timeout = std::chrono::seconds(drain_timeout_s_);
  // Beyond a century it makes no difference, and would leave the calendar.
  options_.keep_usage = std::chrono::days(std::min<std::int64_t>(keep_usage_s_ / day_s, 36'500));
  return options_;
}

}  // namespace opencat
