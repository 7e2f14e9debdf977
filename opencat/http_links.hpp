// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "opencat/error.hpp"
#include "opencat/event_loop.hpp"

namespace opencat {

/// A connection to a web server, with TLS where its address asks for it. Nothing on it waits. Closed when it
/// is destroyed.
class HttpLink {
 public:
  struct Received {
    enum class Outcome { bytes, wait, ended, broken } outcome;
    std::size_t size = 0;
  };

  virtual ~HttpLink() = default;
  /// For a loop to watch.
  virtual int descriptor() const = 0;
  virtual Received receive(char* target, std::size_t size) = 0;
  /// Bytes that went, 0 when the connection is over, nothing when it would have to wait: then the very same
  /// bytes must be given again.
  virtual std::optional<std::size_t> send(std::string_view bytes) = 0;
  /// Whether it may hold bytes that the descriptor says nothing of: then receive() until it has to wait.
  virtual bool reads_ahead() const = 0;
};

/// Makes connections, driven by an event loop. libcurl does it: names, addresses of both kinds in a race, the
/// proxies of the environment, TLS and whom to trust. Belongs to the loop's thread, but for its making before
/// the loop runs, and must outlive its links.
class HttpConnector {
 public:
  struct Options {
    std::string user_agent;  ///< for proxies
    std::string ca_file;     ///< empty: the system's
    bool may_use_proxy = true;
  };
  HttpConnector(EventLoop& loop, Options options);
  ~HttpConnector();
  HttpConnector(const HttpConnector&) = delete;
  HttpConnector& operator=(const HttpConnector&) = delete;

  /// One of them is there.
  using OnDone = std::function<void(std::unique_ptr<HttpLink> link, std::optional<Error> failure)>;
  /// Destroying it gives the connection up, and nothing is called.
  class Attempt {
   public:
    virtual ~Attempt() = default;
  };
  /// Connects to the URL's server. `on_done` is called later, never within this; it may destroy its Attempt.
  std::unique_ptr<Attempt> connect(const std::string& url, std::uint32_t timeout_ms, OnDone on_done);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace opencat
