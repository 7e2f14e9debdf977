// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "opencat/clock.hpp"
#include "opencat/random.hpp"
#include "server/domain/plan.hpp"
#include "server/domain/token.hpp"
#include "server/handover.hpp"
#include "server/routes/guard.hpp"
#include "server/upstream/upstream.hpp"

namespace opencat {

struct ServerOptions {
  ServerSockets inherited;
  std::string host = "127.0.0.1";
  int port = 3000;                           ///< 0: any free one
  std::optional<int> ops_port;               ///< of a second listener for the probes; 0: any free one
  std::vector<std::string> trusted_proxies;  ///< addresses and ranges whose X-Forwarded-For counts
  std::filesystem::path tls_cert;            ///< PEM, with those above it; empty: plain HTTP
  std::filesystem::path tls_key;
  std::vector<std::string> cors_origins;  ///< whose pages may use the API; "*": all
  std::string public_url;                 ///< empty: made of host and port
  std::filesystem::path data_dir;
  std::string store;  ///< the address of a PostgreSQL that has the data instead of the data folder; secret
  bool demo = false;  ///< beside or instead of upstreams: a chat link is told at the start
  std::vector<UpstreamConfig> upstreams;  ///< none: requests are answered 503
  bool may_use_proxy = true;              ///< for upstreams: the environment names one
  std::string ca_file;                    ///< PEM certificates to trust of upstreams; empty: the system's
  std::chrono::seconds ping_interval{15};
  std::string admin_secret;  ///< empty: made at the first start and kept in the data folder; likewise the key
  std::string enroll_key;
  routes::EnrollmentMode enrollment = routes::EnrollmentMode::key;
  Limits limits;
  std::vector<Plan> plans;   ///< of the configuration file
  std::string default_plan;  ///< that new tokens get; empty: none
  std::size_t requests_per_minute = 20;
  std::chrono::minutes utc_offset{};
  std::uint64_t max_body_bytes = 10 << 20;
  std::uint64_t max_upload_bytes = 100 << 20;  ///< of bodies that are relayed as they arrive
  std::size_t max_connections = 10'000;
  std::size_t loops = 2;
  std::chrono::seconds drain_timeout{30};
  std::chrono::days keep_usage{400};                        ///< by days; what is older is kept by months
  std::chrono::seconds keep_deleted{std::chrono::days{7}};  ///< so long a deleted token can be restored
  std::filesystem::path bundles;     ///< a folder with zips that anybody may download; empty: none
  std::filesystem::path access_log;  ///< "-": standard error; empty: none
};

/// What is told once the server listens. Secrets are named by their files; `chat_url` is the exception: it is
/// there with --demo only, so that a first look costs one click.
struct ServerAddresses {
  std::string url;                          ///< where it listens
  std::string public_url;                   ///< where its users find it
  std::string ops_url;                      ///< of the probes' own listener; empty: none
  std::string chat_url;                     ///< signed in; empty but with --demo
  std::filesystem::path admin_secret_file;  ///< empty: the secret was given
  std::filesystem::path enroll_key_file;
};

/// `opencat serve` below its command line.
class Server {
 public:
  /// Opens the data and prepares all parts. Throws Error(usage) for options that cannot be; `log` takes lines
  /// for the operator, from any thread.
  Server(ServerOptions options, Clock& clock, Entropy& entropy, std::function<void(const std::string&)> log);
  ~Server();

  /// Whether serving these data would change them so that an older opencat could not go on with them.
  static bool would_migrate(const ServerOptions& options);

  /// Listens. Throws Error(usage) when the port cannot be had.
  ServerAddresses start();
  /// With what another process would serve in this one's place. They stay this server's.
  ServerSockets sockets() const;
  /// Takes over what may change while it serves; the log says what. Any thread may call it. Throws
  /// Error(usage) for options that cannot be, and then nothing has changed.
  void reload(const ServerOptions& options);
  /// Has run() return once what is under way has been answered: beside the other process that may take as
  /// long as it takes; one that waits does so for the drain timeout at most. Any thread may call it.
  void hand_over(Handover how);
  /// Serves until `stop` is requested, then drains: streams may end within the drain timeout, and counts are
  /// on disk when it returns.
  void run(std::stop_token stop);

 private:
  class StoreClock;
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace opencat
