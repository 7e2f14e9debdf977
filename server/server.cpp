// SPDX-License-Identifier: MIT
#include "server/server.hpp"

#include <condition_variable>
#include <mutex>
#include <thread>

#include "opencat/error.hpp"
#include "opencat/event_loop.hpp"
#include "opencat/file.hpp"
#include "opencat/platform.hpp"
#include "opencat/text.hpp"
#include "opencat/version.hpp"
#include "server/http/http_server.hpp"
#include "server/routes/admin.hpp"
#include "server/routes/chat.hpp"
#include "server/routes/pages.hpp"
#include "server/routes/services.hpp"
#include "server/routes/tokens.hpp"
#include "server/server_data.hpp"
#include "server/store/sqlite_store.hpp"
#include "server/store/upkeep.hpp"

namespace opencat {

namespace fs = std::filesystem;

namespace {

/// A loop with its thread and its connections to upstreams.
struct Worker {
  explicit Worker(const HttpTransfers::Options& options) : transfers(loop, options) {}
  EventLoop loop;
  HttpTransfers transfers;
  std::thread thread;
};

/// The path of an address, e.g. "/opencat"; "" when it has none.
std::string path_of(const std::string& url) {
  const std::size_t host = url.find("//") + 2;
  const std::size_t path = url.find('/', host);
  return path == std::string::npos ? std::string() : url.substr(path);
}

std::string address(const std::string& host, int port) {
  const bool everywhere = host == "0.0.0.0" || host == "::";
  const std::string name = everywhere                            ? "127.0.0.1"
                           : host.find(':') == std::string::npos ? host
                                                                 : "[" + host + "]";
  return "http://" + name + ":" + std::to_string(port);
}

std::unique_ptr<Upstream> make_upstream(const ServerOptions& options, Clock& clock) {
  if (options.demo) return make_demo_upstream(clock);
  if (options.upstream.url.empty()) return nullptr;
  const std::string base = checked_base_url(options.upstream.url, "--upstream-url");
  return make_http_upstream({base, options.upstream.key, options.upstream.models, options.upstream.limits});
}

}  // namespace

struct Server::State {
  ServerOptions options;
  Clock& clock;
  Entropy& entropy;
  std::function<void(const std::string&)> log;
  std::unique_ptr<FileLock> lock;
  std::unique_ptr<Upstream> upstream;
  std::vector<std::unique_ptr<Worker>> workers;  ///< before the store: its callbacks post to their loops
  std::unique_ptr<AdminStore> store;
  std::unique_ptr<Upkeep> upkeep;  ///< of the store, so it goes before that
  std::unique_ptr<routes::EnrollmentKeys> keys;
  std::unique_ptr<routes::AccessGuard> guard;
  std::unique_ptr<routes::Services> services;
  std::unique_ptr<http::HttpServer> http;
  ServerAddresses addresses;

  State(ServerOptions given, Clock& its_clock, Entropy& its_entropy,
        std::function<void(const std::string&)> its_log)
      : options(std::move(given)), clock(its_clock), entropy(its_entropy), log(std::move(its_log)) {}

  void prepare_secrets();
  void prepare_services();
  void start_http();
  std::string demo_chat_url();
  void end_loops();
};

void Server::State::prepare_secrets() {
  routes::GuardOptions guarded;
  guarded.mode = options.enrollment;
  guarded.admin_secret = options.admin_secret;
  if (guarded.admin_secret.empty()) {
    addresses.admin_secret_file = server_data::admin_secret(options.data_dir);
    guarded.admin_secret = routes::kept_secret(addresses.admin_secret_file, entropy);
  }
  if (options.enroll_key.empty()) {
    addresses.enroll_key_file = server_data::enroll_key(options.data_dir);
    keys = std::make_unique<routes::EnrollmentKeys>(addresses.enroll_key_file, clock, entropy);
  } else {
    keys = std::make_unique<routes::EnrollmentKeys>(options.enroll_key, clock);
  }
  guard = std::make_unique<routes::AccessGuard>(std::move(guarded), *keys, clock);
}

void Server::State::prepare_services() {
  const HttpTransfers::Options transfers{std::string("opencat/") + version(), "", 256};
  for (std::size_t i = 0; i < options.loops; ++i) workers.push_back(std::make_unique<Worker>(transfers));
  std::vector<UpstreamLoop> loops;
  for (const auto& worker : workers) loops.push_back({worker->loop, worker->transfers});
  services = std::make_unique<routes::Services>(routes::Services{
      *store, clock, entropy, upstream.get(), std::move(loops), options.limits, options.utc_offset, "", log});
}

void Server::State::start_http() {
  http::HttpServerOptions http_options;
  http_options.host = options.host;
  http_options.port = options.port;
  http_options.prefix = path_of(options.public_url);
  http_options.limits.max_body_bytes = options.max_body_bytes;
  http_options.max_connections = options.max_connections;

  std::vector<EventLoop*> loops;
  for (const auto& worker : workers) loops.push_back(&worker->loop);

  http::Routes routes;
  routes::add_chat_routes(routes, *services);
  routes::add_token_routes(routes, *services, *guard);
  routes::add_admin_routes(routes, {*services, *store, *keys, options.enrollment});
  routes::add_page_routes(routes, path_of(options.public_url));
  http = std::make_unique<http::HttpServer>(
      std::move(http_options), std::move(routes),
      [this](http::Access access, http::Request& request) { guard->check(access, request); },
      [this] { return "req_" + random_hex(entropy, 12); }, std::move(loops),
      [this](const std::string& what) { log("unexpected: " + what); });
  const int port = http->start();
  addresses.url = address(options.host, port);
  addresses.public_url = options.public_url.empty() ? addresses.url : options.public_url;
  services->public_url = addresses.public_url;
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

void Server::State::end_loops() {
  for (const auto& worker : workers) worker->loop.stop();
  for (const auto& worker : workers) {
    if (worker->thread.joinable()) worker->thread.join();
  }
}

Server::Server(ServerOptions options, Clock& clock, Entropy& entropy,
               std::function<void(const std::string&)> log)
    : state_(std::make_unique<State>(std::move(options), clock, entropy, std::move(log))) {
  State& state = *state_;
  if (!state.options.public_url.empty()) {
    state.options.public_url = checked_base_url(state.options.public_url, "--public-url");
  }
  state.upstream = make_upstream(state.options, clock);
  make_folders(state.options.data_dir, 0700);
  state.lock = server_data::lock(state.options.data_dir);
  state.store =
      open_sqlite_store(server_data::database(state.options.data_dir), {state.options.requests_per_minute});
  state.prepare_secrets();
  state.prepare_services();
}

Server::~Server() {
  if (!state_) return;
  state_->end_loops();
  state_->http.reset();
  state_->upkeep.reset();
  std::error_code absent;
  fs::remove(server_data::address(state_->options.data_dir), absent);
  // Commits what is still to be counted; its callbacks may post to the loops, which are still there.
  state_->store.reset();
}

ServerAddresses Server::start() {
  state_->start_http();
  // For `opencat token` beside it; whether it is still so, the lock tells.
  write_file_atomically(server_data::address(state_->options.data_dir), state_->addresses.url + "\n",
                        FileMode::secret);
  for (const auto& worker : state_->workers) {
    worker->thread = std::thread([&loop = worker->loop] { loop.run(); });
  }
  state_->upkeep = std::make_unique<Upkeep>(
      *state_->store, state_->clock, UpkeepOptions{state_->options.keep_usage, state_->options.utc_offset},
      state_->log);
  if (state_->options.demo) state_->addresses.chat_url = state_->demo_chat_url();
  return state_->addresses;
}

void Server::reload(const ServerOptions& options) {
  // What can change follows with the parts that can.
  (void)options;
  state_->log("SIGHUP: the settings were read again");
}

void Server::run(std::stop_token stop) {
  std::mutex mutex;
  std::condition_variable_any changed;
  std::unique_lock lock(mutex);
  changed.wait(lock, stop, [] { return false; });

  http::HttpServer& http = *state_->http;
  http.drain();
  const auto deadline = std::chrono::steady_clock::now() + state_->options.drain_timeout;
  while (http.open_connections() > 0 && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  http.stop();
}

}  // namespace opencat
