// SPDX-License-Identifier: MIT
#include "server/local_admin.hpp"

#include <regex>

#include "opencat/error.hpp"
#include "opencat/text.hpp"
#include "server/routes/admin.hpp"
#include "server/server_data.hpp"
#include "server/store/backup.hpp"
#include "server/store/open_store.hpp"
#include "server/store/upgrade.hpp"

namespace opencat {

namespace fs = std::filesystem;

namespace {

std::unique_ptr<routes::EnrollmentKeys> enrollment_keys(const ServerOptions& options, Clock& clock,
                                                        Entropy& entropy, AdminStore& store) {
  if (!options.enroll_key.empty()) return std::make_unique<routes::EnrollmentKeys>(options.enroll_key, clock);
  return std::make_unique<routes::EnrollmentKeys>(server_data::enroll_key(options.data_dir), clock, entropy,
                                                  store);
}

}  // namespace

struct LocalAdmin::State {
  std::unique_ptr<FileLock> lock;
  std::unique_ptr<AdminStore> store;
  std::unique_ptr<routes::EnrollmentKeys> keys;
  std::unique_ptr<routes::Services> services;
  http::Routes routes;
};

LocalAdmin::LocalAdmin(const ServerOptions& options, Clock& clock, Entropy& entropy)
    : state_(std::make_unique<State>()) {
  const fs::path database = server_data::database(options.data_dir);
  // A store that many share has no one owner to wait for.
  const bool shared = !options.store.empty();
  if (!shared && !fs::exists(database)) {
    throw Error(ErrorKind::usage, "there is no " + database.string() +
                                      "; name the server's data folder with --data-dir, or the server with "
                                      "--server-url");
  }
  State& state = *state_;
  if (!shared) {
    state.lock = server_data::lock(options.data_dir);
    back_up_before_migration(database);
  }
  StoreOptions store_options;
  store_options.requests_per_minute = options.requests_per_minute;
  store_options.default_limits = options.limits;
  state.store = open_store({options.store, database}, store_options);
  if (shared) make_folders(options.data_dir, 0700);
  state.keys = enrollment_keys(options, clock, entropy, *state.store);
  const std::string url = options.public_url.empty()
                              ? "http://" + options.host + ":" + std::to_string(options.port)
                              : checked_base_url(options.public_url, "--public-url");
  state.services = std::make_unique<routes::Services>(
      routes::Services{.store = *state.store,
                       .clock = clock,
                       .entropy = entropy,
                       .upstreams = nullptr,
                       .loops = {},
                       .default_limits = options.limits,
                       .utc_offset = options.utc_offset,
                       .spool_folder = options.data_dir,
                       .public_url = url,
                       .warn = [](const std::string&) {},
                       .default_plan = std::make_shared<routes::DefaultPlan>(options.default_plan)});
  routes::add_admin_routes(
      state.routes, {*state.services, *state.store, *state.keys, options.enrollment, options.keep_deleted});
}

LocalAdmin::~LocalAdmin() = default;

http::Response LocalAdmin::ask(const std::string& method, const std::string& path, const Query& query,
                               const std::string& body) {
  http::Request request;
  request.method = method;
  request.path = "/api/admin" + path;
  request.query = query;
  request.body = body;
  request.privileged = true;
  for (const http::Route& route : state_->routes) {
    std::smatch match;
    if (route.method != method || !std::regex_match(request.path, match, std::regex(route.pattern))) continue;
    for (std::size_t i = 1; i < match.size(); ++i) request.captures.push_back(match[i].str());
    if (const auto* handler = std::get_if<http::BlockingHandler>(&route.handler)) return (*handler)(request);
  }
  throw Error(ErrorKind::token_not_found, "there is no such token");
}

std::uintmax_t back_up_data(const fs::path& data_dir, const fs::path& target, std::stop_token stop) {
  return back_up_database(server_data::database(data_dir), target, std::move(stop));
}

bool is_being_served(const fs::path& data_dir) {
  if (!fs::exists(data_dir / "lock")) return false;
  try {
    server_data::lock(data_dir);
    return false;
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::unavailable) return true;
    throw;
  }
}

std::string address_of_server(const fs::path& data_dir) {
  const auto text = read_file_if_there(server_data::address(data_dir), 4096);
  return text ? std::string(trim(*text)) : std::string();
}

}  // namespace opencat
