// SPDX-License-Identifier: MIT
#include "server/server.hpp"

#include "opencat/error.hpp"
#include "opencat/file.hpp"
#include "server/server_data.hpp"
#include "server/server_state.hpp"
#include "server/store/upgrade.hpp"

namespace opencat {

namespace fs = std::filesystem;

void Server::State::end_loops() {
  std::vector<Worker*> all{ops_worker.get()};
  for (const auto& worker : workers) all.push_back(worker.get());
  std::erase(all, nullptr);
  for (Worker* worker : all) worker->loop.stop();
  for (Worker* worker : all) {
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
  check_upstreams(state.options.upstreams);
  // What is wrong with the settings is said before there is a data folder.
  state.read_http_options();
  make_folders(state.options.data_dir, 0700);
  state.lock = server_data::lock(state.options.data_dir, state.options.inherited.lock);
  if (state.options.inherited.ops >= 0) state.options.ops_port = 0;
  state.telemetry = std::make_unique<Telemetry>(state.options.access_log, clock);
  state.open_store();
  state.prepare_secrets();
  state.prepare_services();
}

Server::~Server() {
  if (!state_) return;
  state_->end_loops();
  // No scrape asks the parts any more that go now.
  state_->telemetry->metrics().registry.forget_sampled();
  state_->ops.reset();
  state_->http.reset();
  state_->upkeep.reset();
  // It asks the store now and then.
  state_->keys.reset();
  // Beside another server, that one's stands there.
  std::error_code absent;
  if (!state_->ending.is_beside_another()) fs::remove(server_data::address(state_->options.data_dir), absent);
  // Commits what is still to be counted; its callbacks may post to the loops, which are still there.
  state_->store.reset();
}

ServerAddresses Server::start() {
  state_->start_http();
  // For `opencat token` beside it; whether it is still so, the lock tells.
  write_file_atomically(server_data::address(state_->options.data_dir), state_->addresses.url + "\n",
                        FileMode::secret);
  if (state_->options.ops_port) state_->start_ops();
  for (const auto& worker : state_->workers) {
    worker->thread = std::thread([&loop = worker->loop] { loop.run(); });
  }
  state_->upkeep = std::make_unique<Upkeep>(*state_->store, state_->clock,
                                            UpkeepOptions{.keep_usage = state_->options.keep_usage,
                                                          .utc_offset = state_->options.utc_offset,
                                                          .keep_deleted = state_->options.keep_deleted},
                                            state_->log);
  if (state_->options.demo) state_->addresses.chat_url = state_->demo_chat_url();
  return state_->addresses;
}

void Server::reload(const ServerOptions& options) {
  std::vector<UpstreamConfig> upstreams = options.upstreams;
  check_upstreams(upstreams);
  const auto tls = tls_of(options);
  if (!tls != state_->options.tls_cert.empty())
    throw Error(ErrorKind::usage, "between http and https it changes at a restart only");
  if (options.store != state_->options.store)
    throw Error(ErrorKind::usage, "the store (--store) changes at a restart only");
  state_->services->default_plan->change(options.default_plan, [&] {
    check_default_plan(*state_->store, options);
    state_->store->keep_file_plans(options.plans, state_->services->period());
  });
  state_->telemetry->reopen_log();
  state_->http->set_tls(tls);
  state_->services->upstreams->configure(upstreams);
  state_->log("SIGHUP: the settings were read again; " + std::to_string(upstreams.size()) + " upstream(s), " +
              std::to_string(options.plans.size()) + " plan(s)");
}

bool Server::would_migrate(const ServerOptions& options) {
  return options.store.empty() && wants_migration(server_data::database(options.data_dir));
}

ServerSockets Server::sockets() const {
  return {state_->http->listener(), state_->ops ? state_->ops->listener() : -1, state_->lock->descriptor()};
}

void Server::hand_over(Handover how) { state_->ending.hand_over(how); }

void Server::run(std::stop_token stop) {
  state_->ending.run(stop,
                     {*state_->http, state_->ops.get(), *state_->readiness, state_->options.drain_timeout});
}

}  // namespace opencat
