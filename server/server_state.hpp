// SPDX-License-Identifier: MIT
// What a Server is made of, for server.cpp and server_parts.cpp alone.
#pragma once

#include <atomic>
#include <thread>

#include "opencat/event_loop.hpp"
#include "opencat/file.hpp"
#include "server/ending.hpp"
#include "server/http/http_server.hpp"
#include "server/routes/admin.hpp"
#include "server/routes/probes.hpp"
#include "server/routes/services.hpp"
#include "server/server.hpp"
#include "server/store/upkeep.hpp"
#include "server/telemetry.hpp"

namespace opencat {

/// A loop with its thread and its connections to upstreams.
struct Worker {
  explicit Worker(const HttpTransfers::Options& options) : transfers(loop, options) {}
  EventLoop loop;
  HttpTransfers transfers;
  std::thread thread;
};

/// Null: plain HTTP. Throws Error(usage).
std::shared_ptr<const http::ChannelFactory> tls_of(const ServerOptions& options);
/// Throws Error(usage) for a list that no server could serve.
void check_upstreams(std::vector<UpstreamConfig>& upstreams);
/// Throws Error(usage) for a plan of new tokens that there will not be.
void check_default_plan(AdminStore& store, const ServerOptions& options);

/// The time that all servers of a store go by, whatever this machine's clock says.
class Server::StoreClock : public Clock {
 public:
  explicit StoreClock(const Clock& machine) : machine_(machine) {}
  /// Before any other thread asks.
  void follow(const Store& store) { store_ = &store; }
  Time now() const override { return machine_.now() + (store_ ? store_->clock_ahead() : Time::duration{}); }

 private:
  const Clock& machine_;
  const Store* store_ = nullptr;
};

struct Server::State {
  ServerOptions options;
  const Clock& machine_clock;
  StoreClock clock;
  Entropy& entropy;
  std::function<void(const std::string&)> log;
  std::unique_ptr<FileLock> lock;
  std::unique_ptr<Telemetry> telemetry;
  std::unique_ptr<Worker> ops_worker;            ///< of the probes' own listener
  std::vector<std::unique_ptr<Worker>> workers;  ///< before the store: its callbacks post to their loops
  std::unique_ptr<AdminStore> store;
  std::unique_ptr<Upkeep> upkeep;  ///< of the store, so it goes before that
  std::unique_ptr<routes::EnrollmentKeys> keys;
  std::unique_ptr<routes::AccessGuard> guard;
  std::unique_ptr<routes::Services> services;
  std::unique_ptr<routes::Readiness> readiness;
  http::HttpServerOptions http_options;
  std::unique_ptr<http::HttpServer> http;
  std::unique_ptr<http::HttpServer> ops;
  ServerAddresses addresses;

  Ending ending;

  State(ServerOptions given, Clock& its_clock, Entropy& its_entropy,
        std::function<void(const std::string&)> its_log)
      : options(std::move(given)),
        machine_clock(its_clock),
        clock(its_clock),
        entropy(its_entropy),
        log(std::move(its_log)) {}

  /// Unique without the cost of fresh entropy: no one gains by guessing it.
  std::string new_request_id() { return request_id_prefix + std::to_string(++requests); }
  std::string request_id_prefix;
  std::atomic<std::uint64_t> requests{0};

  void read_http_options();
  void prepare_secrets();
  void prepare_services();
  void open_store();
  void start_http();
  void start_ops();
  std::string demo_chat_url();
  void end_loops();
};

}  // namespace opencat
