// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "opencat/event_loop.hpp"
#include "opencat/http_links.hpp"

namespace opencat {

class HttpPool;

/// A watched link. Its user hears what it becomes ready for; while it has none, the pool that it waits in.
class HttpConnection : public Watcher {
 public:
  HttpConnection(EventLoop& loop, std::unique_ptr<HttpLink> link) : loop_(loop), link_(std::move(link)) {}
  ~HttpConnection() override { close(); }

  HttpLink& link() { return *link_; }
  void serve(Watcher& user) { user_ = &user; }
  void on_ready(unsigned readiness) override;
  /// What the loop is to watch for; 0: nothing at all, not even the peer's leaving.
  void want(unsigned readiness);
  void close();
  /// Whether a request before was answered on it.
  bool used_before() const { return idle_since_ != std::chrono::steady_clock::time_point{}; }

 private:
  friend class HttpPool;
  EventLoop& loop_;
  std::unique_ptr<HttpLink> link_;
  unsigned wanted_ = 0;
  Watcher* user_ = nullptr;
  HttpPool* pool_ = nullptr;
  const std::string* origin_ = nullptr;  ///< in the pool
  std::chrono::steady_clock::time_point idle_since_{};
};

/// Connections that wait for their next request.
class HttpPool {
 public:
  HttpPool(EventLoop& loop, std::size_t most) : loop_(loop), most_(most) {}

  /// The one of the origin that was used last; null: there is none.
  std::unique_ptr<HttpConnection> take(const std::string& origin);
  void keep(std::unique_ptr<HttpConnection> connection, const std::string& origin);
  /// Closes one for good, even in the middle of its on_ready().
  void drop(std::unique_ptr<HttpConnection> connection);
  /// Closes those that have waited for long.
  void sweep();
  bool empty() const { return count_ == 0; }

 private:
  friend class HttpConnection;
  void idle_ready(const HttpConnection& connection);

  EventLoop& loop_;
  std::size_t most_;
  std::unordered_map<std::string, std::vector<std::unique_ptr<HttpConnection>>> idle_;  ///< by origin
  std::size_t count_ = 0;
};

}  // namespace opencat
