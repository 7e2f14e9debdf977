// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "opencat/event_loop.hpp"
#include "server/http/channel.hpp"
#include "server/http/client_address.hpp"
#include "server/http/cors.hpp"
#include "server/http/observer.hpp"
#include "server/http/patience.hpp"
#include "server/http/request_framing.hpp"
#include "server/http/router.hpp"

namespace opencat::http {

struct HttpServerOptions {
  std::string host = "127.0.0.1";
  int port = 0;        ///< 0: any free one
  int listener = -1;   ///< a socket that listens already, instead of host and port; the server's from now on
  std::string prefix;  ///< the public URL's path, e.g. "/opencat"
  FramingLimits limits;
  Patience patience;
  std::shared_ptr<const ChannelFactory> tls;  ///< null: plain HTTP
  std::size_t max_connections = 10'000;       ///< beyond it, 503 with Retry-After
  CorsPolicy cors;
  TrustedProxies trusted_proxies;  ///< whose X-Forwarded-For counts
  std::size_t blocking_threads = 4;
  std::size_t max_waiting_for_thread = 256;
  Observer* observer = nullptr;  ///< hears of all requests; must outlive the server
};

/// HTTP/1.1 over the given loops: accepts, reads, routes, writes. start(), drain() and stop() belong to one
/// thread, which is none of the loops'.
class HttpServer {
 public:
  /// Called for an unexpected exception in a handler (not an Error), which is answered 500.
  using OnFault = std::function<void(const std::string& what)>;

  HttpServer(HttpServerOptions options, Routes routes, Guard guard,
             std::function<std::string()> new_request_id, const std::vector<EventLoop*>& loops,
             OnFault on_fault);
  ~HttpServer();

  /// Listens and returns the port. Throws Error(usage) when it cannot.
  int start();

  /// New connections get another certificate; open ones keep theirs. Any thread.
  void set_tls(std::shared_ptr<const ChannelFactory> tls);

  /// What it listens with, for another process to go on with; -1 once drained.
  int listener() const;

  enum class Drain {
    now,    ///< no further request
    gently  ///< each open connection may bring one more, for a client may have sent it already
  };
  /// No new connection; returns at once. Requests under way go on, and their connections close after the
  /// answer: when open_connections() is 0, all have been answered. `gently` wants a `now` behind it.
  void drain(Drain how = Drain::now);
  /// Any thread may ask.
  std::size_t open_connections() const;
  /// Requests that wait for a thread of the pool. Any thread may ask.
  std::size_t waiting_for_thread() const;
  /// Ends all connections. The loops must still run.
  void stop();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace opencat::http
