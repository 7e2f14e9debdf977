// SPDX-License-Identifier: MIT
// cpp-httplib's three services, apart from its threads: accepting, parsing and routing.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

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
class Listener {
 public:
  using OnSocket = std::function<void(int descriptor)>;
  explicit Listener(OnSocket on_socket);
  ~Listener();

  /// Listens on `host`:`port` (0 picks one) and returns the port. Throws Error(usage) when that cannot be
  /// had.
  int listen(const std::string& host, int port);
  /// No further connection is accepted; returns when the thread has ended.
  void stop();

 private:
  class Server;
  std::unique_ptr<Server> server_;
};

}  // namespace opencat::http
