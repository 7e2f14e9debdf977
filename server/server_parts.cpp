// SPDX-License-Identifier: MIT
// A Server's parts, each made of the options and of those before it.
#include <algorithm>

#include "opencat/error.hpp"
#include "opencat/platform.hpp"
#include "opencat/sockets.hpp"
#include "opencat/text.hpp"
#include "opencat/version.hpp"
#include "server/http/tls.hpp"
#include "server/routes/downloads.hpp"
#include "server/routes/models.hpp"
#include "server/routes/pages.hpp"
#include "server/routes/relay.hpp"
#include "server/routes/tokens.hpp"
#include "server/server_data.hpp"
#include "server/server_state.hpp"
#include "server/store/open_store.hpp"
#include "server/store/upgrade.hpp"

namespace opencat {

namespace fs = std::filesystem;

namespace {

/// The path of an address, e.g. "/opencat"; "" when it has none.
std::string path_of(const std::string& url) {
  const std::size_t host = url.find("//") + 2;
  const std::size_t path = url.find('/', host);
  return path == std::string::npos ? std::string() : url.substr(path);
}

std::string address(const std::string& scheme, const std::string& host, int port) {
  const bool everywhere = host == "0.0.0.0" || host == "::";
  const std::string name = everywhere                            ? "127.0.0.1"
                           : host.find(':') == std::string::npos ? host
                                                                 : "[" + host + "]";
  return scheme + name + ":" + std::to_string(port);
}

/// Where a server with these options listens, at `port` of a host or where the inherited socket does.
std::string address_of(const std::string& scheme, const std::string& host, int port, int inherited) {
  const auto place = inherited < 0 ? std::nullopt : sockets::listens_at(inherited);
  return place ? address(scheme, place->ip, place->port) : address(scheme, host, port);
}

std::unique_ptr<Upstream> make_upstream(const UpstreamConfig& config, Clock& clock) {
  return config.kind == UpstreamKind::demo ? make_demo_upstream(clock) : make_http_upstream(config);
}

}  // namespace

std::shared_ptr<const http::ChannelFactory> tls_of(const ServerOptions& options) {
  return options.tls_cert.empty() ? nullptr : http::make_tls(options.tls_cert, options.tls_key);
}

void check_upstreams(std::vector<UpstreamConfig>& upstreams) {
  std::vector<std::string> names;
  for (UpstreamConfig& upstream : upstreams) {
    if (contains(names, upstream.name))
      throw Error(ErrorKind::usage, "two upstreams are named '" + upstream.name + "'");
    names.push_back(upstream.name);
    if (upstream.kind == UpstreamKind::demo) continue;
    upstream.base_url = checked_base_url(upstream.base_url, "the url of upstream '" + upstream.name + "'");
  }
}

void check_default_plan(AdminStore& store, const ServerOptions& options) {
  const std::string& name = options.default_plan;
  const bool in_file = std::any_of(options.plans.begin(), options.plans.end(),
                                   [&](const Plan& plan) { return plan.name == name; });
  if (name.empty() || in_file || store.plan(name)) return;
  throw Error(ErrorKind::usage,
              "--default-plan (default_plan) names '" + name +
                  "', and there is no such plan; add it as [[plans]] in the file, or on the "
                  "admin page first");
}

void Server::State::prepare_secrets() {
  routes::GuardOptions guarded;
  guarded.mode = options.enrollment;
  guarded.admin_secret = options.admin_secret;
  if (guarded.admin_secret.empty()) {
    addresses.admin_secret_file = server_data::admin_secret(options.data_dir);
    guarded.admin_secret = routes::kept_secret(addresses.admin_secret_file, entropy, *store);
  }
  if (options.enroll_key.empty()) {
    addresses.enroll_key_file = server_data::enroll_key(options.data_dir);
    keys = std::make_unique<routes::EnrollmentKeys>(addresses.enroll_key_file, clock, entropy, *store);
  } else {
    keys = std::make_unique<routes::EnrollmentKeys>(options.enroll_key, clock);
  }
  guard = std::make_unique<routes::AccessGuard>(std::move(guarded), *keys, clock);
}

void Server::State::prepare_services() {
  request_id_prefix = "req_" + random_hex(entropy, 6) + "_";
  const HttpTransfers::Options transfers{std::string("opencat/") + version(), options.ca_file, 256,
                                         options.may_use_proxy};
  for (std::size_t i = 0; i < options.loops; ++i) workers.push_back(std::make_unique<Worker>(transfers));
  if (options.ops_port) ops_worker = std::make_unique<Worker>(transfers);
  std::vector<UpstreamLoop> loops;
  for (const auto& worker : workers) loops.push_back({worker->loop, worker->transfers});
  const auto upstreams = std::make_shared<UpstreamPool>(
      loops.front(), clock, [this](const UpstreamConfig& config) { return make_upstream(config, clock); },
      log);
  upstreams->configure(options.upstreams);
  services = std::make_unique<routes::Services>(
      routes::Services{*store, clock, entropy, upstreams, std::move(loops), options.limits,
                       options.utc_offset, options.ping_interval, options.data_dir, "", log,
                       &telemetry->metrics(), std::make_shared<routes::DefaultPlan>(options.default_plan)});
}

void Server::State::read_http_options() {
  http_options.host = options.host;
  http_options.port = options.port;
  http_options.listener = options.inherited.listener;
  http_options.prefix = path_of(options.public_url);
  http_options.limits.max_body_bytes = options.max_body_bytes;
  http_options.limits.max_upload_bytes = options.max_upload_bytes;
  http_options.trusted_proxies = http::TrustedProxies(options.trusted_proxies);
  http_options.tls = tls_of(options);
  http_options.cors = http::CorsPolicy(options.cors_origins);
  http_options.max_connections = options.max_connections;
}

void Server::State::start_http() {
  http_options.observer = telemetry.get();
  std::vector<EventLoop*> loops;
  for (const auto& worker : workers) loops.push_back(&worker->loop);

  http::Routes routes;
  routes::add_relay_routes(routes, *services);
  routes::add_model_routes(routes, *services);
  routes::add_upstream_routes(routes, *services);
  routes::add_token_routes(routes, *services, *guard);
  const Time started_at = clock.now();
  routes::add_admin_routes(
      routes, {*services, *store, *keys, options.enrollment, options.keep_deleted, [this, started_at] {
                 return routes::ServerFigures{started_at, telemetry->metrics().streams_open.value(),
                                              static_cast<std::int64_t>(http->open_connections()),
                                              static_cast<std::int64_t>(options.max_connections)};
               }});
  if (!options.bundles.empty())
    routes::add_download_routes(routes, std::make_unique<routes::BundleShelf>(options.bundles, log));
  routes::add_page_routes(routes, path_of(options.public_url),
                          options.bundles.empty() ? routes::Downloads::none : routes::Downloads::offered);
  routes::add_probe_routes(routes, *readiness, telemetry->metrics().registry);
  telemetry->learn(routes);
  http = std::make_unique<http::HttpServer>(
      http_options, std::move(routes),
      [this](http::Access access, http::Request& request) { guard->check(access, request); },
      [this] { return new_request_id(); }, loops,
      [this](const std::string& what) { log("unexpected: " + what); });
  const int port = http->start();
  addresses.url =
      address_of(http_options.tls ? "https://" : "http://", options.host, port, options.inherited.listener);
  addresses.public_url = options.public_url.empty() ? addresses.url : options.public_url;
  services->public_url = addresses.public_url;
  telemetry->sample({*http, *store, *services->upstreams, options.max_connections});
}

/// The probes on a listener with a loop of its own, which no number of streams can keep from answering.
void Server::State::start_ops() {
  http::HttpServerOptions ops_options;
  ops_options.host = options.host;
  ops_options.port = *options.ops_port;
  ops_options.listener = options.inherited.ops;
  ops_options.max_connections = 256;
  ops_options.blocking_threads = 1;
  http::Routes routes;
  routes::add_probe_routes(routes, *readiness, telemetry->metrics().registry);
  ops = std::make_unique<http::HttpServer>(
      std::move(ops_options), std::move(routes), [](http::Access, http::Request&) {},
      [this] { return new_request_id(); }, std::vector<EventLoop*>{&ops_worker->loop},
      [this](const std::string& what) { log("unexpected: " + what); });
  addresses.ops_url = address_of("http://", options.host, ops->start(), options.inherited.ops);
  ops_worker->thread = std::thread([&loop = ops_worker->loop] { loop.run(); });
}

void Server::State::open_store() {
  // PostgreSQL has its operator's backups.
  const bool shared = !options.store.empty();
  if (const auto copy =
          shared ? std::nullopt : back_up_before_migration(server_data::database(options.data_dir)))
    log("the database is of an older opencat and is brought up to date; as it was, it is kept in " +
        copy->string());
  StoreOptions store_options;
  store_options.requests_per_minute = options.requests_per_minute;
  store_options.on_commit = [&commits = telemetry->metrics().commit_seconds](std::chrono::nanoseconds time) {
    commits.observe(std::chrono::duration<double>(time).count());
  };
  store_options.clock = &machine_clock;
  store_options.default_limits = options.limits;
  store = opencat::open_store({options.store, server_data::database(options.data_dir)}, store_options);
  clock.follow(*store);
  check_default_plan(*store, options);
  store->keep_file_plans(options.plans, quota_period(clock.now(), options.utc_offset));
  readiness = std::make_unique<routes::Readiness>([this](auto done) { store->probe(std::move(done)); });
}

/// A token of the demo's own, kept in a file, so that restarts do not gather tokens.
std::string Server::State::demo_chat_url() {
  const fs::path file = options.data_dir / "demo-token";
  const auto kept = read_file_if_there(file, 4096);
  std::string token = kept ? std::string(trim(*kept)) : std::string();
  if (!is_token(token) || !store->find_by_hash(routes::token_hash(token), services->period())) {
    routes::TokenRequest request{this_platform().name(), random_uuid(entropy), version(), "demo", "{}"};
    token = routes::issue_token(*services, request).token;
    write_file_atomically(file, token + "\n", FileMode::secret);
  }
  return routes::chat_url(*services, token);
}

}  // namespace opencat
