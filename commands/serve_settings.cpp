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
