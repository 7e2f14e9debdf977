// SPDX-License-Identifier: MIT
// A server with one loop and the routes of a test, and a client that says its bytes itself.
#pragma once

#include <cerrno>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "opencat/http_client.hpp"
#include "server/http/http_server.hpp"

namespace opencat::http::testing {

struct Fixture {
  EventLoop loop;
  std::vector<std::string> faults;
  HttpServer server;
  std::thread thread;
  int port;

  explicit Fixture(Routes routes, HttpServerOptions options = {})
      : server(
            std::move(options), std::move(routes), [](Access, Request&) {}, [] { return "req_1"; }, {&loop},
            [this](const std::string& what) { faults.push_back(what); }),
        port(server.start()) {
    thread = std::thread([this] { loop.run(); });
  }
  ~Fixture() {
    server.stop();
    loop.stop();
    thread.join();
  }

  HttpResponse get(const std::string& path) {
    HttpClient client({});
    return client.send({"GET", "http://127.0.0.1:" + std::to_string(port) + path, {}, {}});
  }
};

inline LoopHandler on_loop(std::function<void(const std::shared_ptr<Exchange>&)> act) { return act; }

/// A connection on which nothing is said but what the test says. Reading throws after 10 s.
class Socket {
 public:
  explicit Socket(int port) : descriptor_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const timeval patience{10, 0};
    setsockopt(descriptor_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (::connect(descriptor_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
      throw std::runtime_error("connect");
  }
  ~Socket() { close(); }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  /// False when the server has closed.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t count = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (count <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(count));
    }
    return true;
  }
  /// As much as the system takes just now.
  std::size_t send_some(std::string_view bytes) {
    const ssize_t count = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    return count < 0 ? 0 : static_cast<std::size_t>(count);
  }
  /// All that came when `end` is the end of it, or when the server closed.
  std::string until(std::string_view end) {
    char buffer[4096];
    while (end.empty() || !text_.ends_with(end)) {
      const ssize_t count = ::recv(descriptor_, buffer, sizeof buffer, 0);
      if (count < 0 && errno == EAGAIN) throw std::runtime_error("nothing more came after: " + text_);
      if (count <= 0) break;
      text_.append(buffer, static_cast<std::size_t>(count));
    }
    return std::exchange(text_, {});
  }
  std::string until_closed() { return until({}); }
  void close() {
    if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
  }

 private:
  int descriptor_;
  std::string text_;
};

}  // namespace opencat::http::testing
