// SPDX-License-Identifier: MIT
// cpp-httplib's three services, apart from its threads: binding a listener, parsing and routing.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "opencat/event_loop.hpp"
#include "server/http/router.hpp"

namespace opencat::http {

/// Parses requests' heads and finds their routes. One per loop: not for use from two threads at once.
class RequestParser {
 public:
  /// `prefix` is the public URL's path ("/opencat" or ""): a path below it is routed as if it were not there,
  /// since a reverse proxy may take it off or leave it on. `routes` must outlive the parser.
  RequestParser(const Routes& routes, std::string prefix);
  ~RequestParser();

  struct Parsed {
    Request request;
    const Route* route = nullptr;  ///< null: answer with `status`
    int status = 404;              ///< 400, 404, 405, …
    bool keep_alive = false;
    bool http_1_0 = false;  ///< the client knows no chunks
  };
  /// `head` is exactly one request's head, as HeadFraming found it; `request.body` is left empty.
  Parsed parse(std::string_view head);

 private:
  class Server;
  std::unique_ptr<Server> server_;
};

/// Accepts connections on its own thread and hands their sockets on.
class Listener : private Watcher {
 public:
  using OnSocket = std::function<void(int descriptor)>;
  explicit Listener(OnSocket on_socket);
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  ~Listener() override;

  /// Listens on `host`:`port` (0 picks one) and returns the port. Throws Error(usage) when that cannot be
  /// had.
  int listen(const std::string& host, int port);
  /// The same with a socket that listens already, and is the listener's from now on.
  void go_on_with(int socket);
  /// The socket, for another process to go on with; -1 once stopped.
  int socket() const { return socket_; }
  /// No further connection is accepted; returns when the thread has ended. The socket is closed here, and
  /// goes on listening where another process has it, too.
  void stop();

 private:
  void on_ready(unsigned readiness) override;

  OnSocket on_socket_;
  int socket_ = -1;
  EventLoop loop_;
  std::thread thread_;
};

}  // namespace opencat::http
