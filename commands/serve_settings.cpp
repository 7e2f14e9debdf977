// SPDX-License-Identifier: MIT
#include "commands/serve_settings.hpp"

#include <algorithm>
#include <charconv>

#include <nlohmann/json.hpp>

#include "commands/plan_settings.hpp"
#include "commands/upstream_settings.hpp"
#include "opencat/error.hpp"
#include "opencat/file.hpp"
#include "opencat/http_client.hpp"
#include "opencat/text.hpp"

namespace opencat {

namespace {

/// Of a setting that has no default, and so is a text.
int port_number(const std::string& flag, const std::string& text) {
  int port = -1;
  const char* const end = text.data() + text.size();
  const auto [stopped, problem] = std::from_chars(text.data(), end, port);
  if (problem != std::errc{} || stopped != end || port < 0 || port > 65535)
    throw Error(ErrorKind::usage, flag + " wants a number up to 65535, not '" + text + "'");
  return port;
}

/// As libcurl looks for it (https://curl.se/libcurl/c/CURLOPT_PROXY.html). HTTP_PROXY is none: a CGI program
/// would get it from a request's header.
bool has_proxy(const Environment& environment) {
  const auto names = {"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"};
  return std::any_of(names.begin(), names.end(),
                     [&](const char* name) { return environment.get(name).has_value(); });
}

}  // namespace

ServeSettings::ServeSettings()
    : upstream_tables_(std::make_unique<nlohmann::json>()),
      plan_tables_(std::make_unique<nlohmann::json>()) {}

ServeSettings::~ServeSettings() = default;

void ServeSettings::declare(Settings& settings) {
  settings.add({"--host", {"OPENCAT_HOST"}, "host", "Listen on this address", &options_.host});
  settings.add({"--port", {"OPENCAT_PORT"}, "port", "Listen on this port; 0 picks one", &port_});
  settings.add({"--ops-port",
                {"OPENCAT_OPS_PORT"},
                "ops_port",
                "Listen on this port, too, for /healthz, /readyz and /metrics alone; 0 picks one",
                &ops_port_});
  settings.add({"--tls-cert",
                {"OPENCAT_TLS_CERT"},
                "tls.cert",
                "Serve https with this certificate and those above it, a PEM file; SIGHUP reads it again",
                &options_.tls_cert});
  settings.add({"--tls-key",
                {"OPENCAT_TLS_KEY"},
                "tls.key",
                "The certificate's private key, a PEM file",
                &options_.tls_key});
  settings.add({"--public-url",
                {"OPENCAT_PUBLIC_URL"},
                "public_url",
                "Where users reach this server; it may have a path",
                &options_.public_url});
  settings.add({"--trusted-proxy",
                {"OPENCAT_TRUSTED_PROXY"},
                "trusted_proxies",
                "A reverse proxy's address or range, whose X-Forwarded-For is believed (repeatable)",
                &options_.trusted_proxies});
  settings.add({"--cors-origin",
                {"OPENCAT_CORS_ORIGIN"},
                "cors_origins",
                "Let pages of this origin use the API, as https://app.example.com, or * (repeatable)",
                &options_.cors_origins});
  settings.add(
      {"--data-dir", {"OPENCAT_DATA_DIR"}, "", "The folder of the database and the secrets", &data_dir_});
  settings.add_secret({"--store",
                       {"OPENCAT_STORE"},
                       "store",
                       "Keep the data in this PostgreSQL (postgresql://…), which many servers can share",
                       &options_.store});
  settings.add({"--store-file",
                {"OPENCAT_STORE_FILE"},
                "store_file",
                "The same address, in a file, so that its password is in no command line",
                &store_file_});
  settings.add({"--demo", {"OPENCAT_DEMO"}, "demo", "Answer from a built-in demonstration", &options_.demo});
  settings.add({"--bundles",
                {"OPENCAT_BUNDLES"},
                "bundles",
                "Offer the zips of this folder, as `opencat bundle` left them, to anybody at /download",
                &options_.bundles});
  settings.add(
      {"--access-log",
       {"OPENCAT_ACCESS_LOG"},
       "access_log",
       "Write a line of JSON per request to this file, or - for standard error; SIGHUP opens it again",
       &options_.access_log});
  declare_upstream(settings);
  declare_secrets(settings);
  declare_limits(settings);
  declare_running(settings);
}

void ServeSettings::declare_upstream(Settings& settings) {
  settings.add({"--upstream-url",
                {"OPENCAT_UPSTREAM_URL"},
                "upstream.url",
                "The base URL of an OpenAI-compatible API, as https://api.example.com/v1",
                &upstream_.base_url});
  settings.add_secret(
      {"--upstream-key", {"OPENCAT_UPSTREAM_KEY"}, "upstream.key", "Its key", &upstream_.key});
  settings.add({"--upstream-model",
                {"OPENCAT_UPSTREAM_MODEL"},
                "upstream.models",
                "A model it offers; the first is the default (repeatable)",
                &upstream_.models});
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

  settings.add({"--ca-file",
                {"SSL_CERT_FILE", "CURL_CA_BUNDLE"},
                "upstream.ca_file",
                "Certificates (PEM) to trust of upstreams, instead of the system's",
                &options_.ca_file});
  settings.add({"--ping-interval",
                {},
                "upstream.ping_interval",
                "Silence in a stream before a comment keeps its connection open",
                &ping_interval_s_,
                Unit::seconds,
                {},
                1});
  settings.add({"",
                {},
                "upstreams",
                "Upstreams as tables, instead of --upstream-url: see docs/configuration.md",
                upstream_tables_.get()});
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
  settings.add({"--default-plan",
                {"OPENCAT_DEFAULT_PLAN"},
                "default_plan",
                "The plan that new tokens get, unless they are issued with another",
                &options_.default_plan});
  settings.add({"", {}, "plans", "Plans as tables: see docs/configuration.md", plan_tables_.get()});
  settings.add({"--max-body",
                {"OPENCAT_MAX_BODY"},
                "limits.body",
                "The longest request body",
                &max_body_,
                Unit::bytes,
                {},
                1024});
  settings.add({"--max-upload",
                {"OPENCAT_MAX_UPLOAD"},
                "limits.upload",
                "The longest body of images and audio, relayed as it arrives",
                &max_upload_,
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
                -24LL * 60,
                24LL * 60});
}

void ServeSettings::declare_running(Settings& settings) {
  settings.add({"--loops",
                {"OPENCAT_LOOPS"},
                "loops",
                "Threads that drive connections",
                &loops_,
                Unit::none,
                {},
                1,
                256});
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
                day_s,
                longest_kept_s});
  settings.add({"--keep-deleted",
                {"OPENCAT_KEEP_DELETED"},
                "keep_deleted",
                "How long a deleted token can be restored, as 7d; then it goes with its counts",
                &keep_deleted_s_,
                Unit::seconds,
                {},
                0,
                longest_kept_s});
}

/// The upstreams of the flags, of the file, or the demo.
std::vector<UpstreamConfig> ServeSettings::upstreams(const Environment& environment) const {
  TransferLimits limits;
  limits.connect_timeout_ms = static_cast<std::uint32_t>(connect_timeout_s_ * 1000);
  limits.first_byte_timeout_ms = static_cast<std::uint32_t>(first_byte_timeout_s_ * 1000);
  limits.idle_timeout_ms = static_cast<std::uint32_t>(idle_timeout_s_ * 1000);
  std::vector<UpstreamConfig> list = read_upstreams(*upstream_tables_, limits, environment, data_dir_);
  const std::string& url = upstream_.base_url;
  if (options_.demo && !(list.empty() && url.empty())) {
    throw Error(ErrorKind::usage,
                "--demo answers by itself: leave --upstream-url and [[upstreams]] away, or --demo");
  }
  if (!url.empty() && !list.empty()) {
    throw Error(ErrorKind::usage,
                "name the upstream by --upstream-url or upstreams by [[upstreams]], not both");
  }
  if (!url.empty() && upstream_.models.empty()) {
    throw Error(ErrorKind::usage,
                "--upstream-url wants at least one --upstream-model, the model that 'auto' means");
  }
  UpstreamConfig single = upstream_;
  single.limits = limits;
  if (!url.empty()) {
    single.base_url = checked_base_url(url, "--upstream-url");
    single.name = "upstream";
    list.push_back(std::move(single));
  } else if (options_.demo) {
    single.name = "demo";
    single.kind = UpstreamKind::demo;
    single.models = {demo_model};
    list.push_back(std::move(single));
  }
  return list;
}

/// The address of the store; it has a password, so no message repeats it.
std::string ServeSettings::store() const {
  if (!options_.store.empty() && !store_file_.empty())
    throw Error(ErrorKind::usage, "name the store by --store or by --store-file, not both");
  std::string url = store_file_.empty() ? options_.store : std::string(trim(read_file(store_file_, 4096)));
  const bool known = url.rfind("postgresql://", 0) == 0 || url.rfind("postgres://", 0) == 0;
  if (!known && !(url.empty() && store_file_.empty())) {
    throw Error(ErrorKind::usage, (store_file_.empty() ? "--store" : store_file_.string()) +
                                      std::string(" wants an address such as "
                                                  "postgresql://user:password@host:5432/database"));
  }
  return url;
}

ServerOptions ServeSettings::data_options() {
  if (port_ > 65535) throw Error(ErrorKind::usage, "--port wants a number up to 65535");
  options_.port = static_cast<int>(port_);
  options_.data_dir = data_dir_;
  options_.store = store();
  store_file_.clear();  // its content stands in the option now
  const std::string mode = enrollment_.empty() ? (options_.demo ? "open" : "key") : enrollment_;
  options_.enrollment = mode == "open"     ? routes::EnrollmentMode::open
                        : mode == "closed" ? routes::EnrollmentMode::closed
                                           : routes::EnrollmentMode::key;
  options_.requests_per_minute = static_cast<std::size_t>(per_minute_);
  options_.plans = read_plans(*plan_tables_);
  options_.utc_offset = std::chrono::minutes(utc_offset_);
  options_.keep_usage = std::chrono::days(keep_usage_s_ / day_s);
  options_.keep_deleted = std::chrono::seconds(keep_deleted_s_);
  return options_;
}

ServerOptions ServeSettings::options(const Environment& environment) {
  data_options();
  options_.upstreams = upstreams(environment);
  options_.may_use_proxy = has_proxy(environment);
  if (!ops_port_.empty()) options_.ops_port = port_number("--ops-port", ops_port_);
  if (options_.tls_cert.empty() != options_.tls_key.empty())
    throw Error(ErrorKind::usage, "--tls-cert and --tls-key go together: give both or none");
  options_.ping_interval = std::chrono::seconds(ping_interval_s_);
  options_.max_body_bytes = static_cast<std::uint64_t>(max_body_);
  options_.max_upload_bytes = static_cast<std::uint64_t>(max_upload_);
  options_.max_connections = static_cast<std::size_t>(max_connections_);
  options_.loops = static_cast<std::size_t>(loops_);
  options_.drain_timeout = std::chrono::seconds(drain_timeout_s_);
  return options_;
}

}  // namespace opencat
