// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "opencat/error.hpp"
#include "opencat/event_loop.hpp"
#include "opencat/http_client.hpp"

namespace opencat {

/// Hears how one transfer goes, on the loop's thread; may destroy its Transfer in any of these calls.
class TransferListener {
 public:
  virtual ~TransferListener() = default;
  /// Once, before the body: the final status and headers.
  virtual void on_head(int status, const HttpHeaders& headers) = 0;
  virtual void on_body(std::string_view piece) = 0;
  /// The last call: nothing on a whole answer, else Error(network or timeout).
  virtual void on_end(std::optional<Error> failure) = 0;
};

/// Times of one transfer in milliseconds. Who cannot be connected to in time is Error(network), who falls
/// silent later Error(timeout); there is no limit on its total length. Time in which it is paused does not
/// count.
struct TransferLimits {
  std::uint32_t connect_timeout_ms = 10'000;
  std::uint32_t first_byte_timeout_ms = 120'000;
  std::uint32_t idle_timeout_ms = 120'000;

  bool operator==(const TransferLimits&) const = default;
};

/// A running transfer. Destroying it cancels it: its connection is closed, and the listener hears nothing
/// more.
class Transfer {
 public:
  virtual ~Transfer() = default;
  /// Stops reading from the peer, so that its sending stops too; at most one buffer more arrives.
  virtual void pause() = 0;
  virtual void resume() = 0;
};

/// HTTP/1.1 requests driven by an event loop: no thread waits for any of them, and idle connections are kept
/// for the next. libcurl connects (HttpConnector); what is said on a connection is ours, for it is what the
/// relay does all day (docs/ARCHITECTURE.md has the figures). Belongs to the loop's thread, but for its
/// making before the loop runs.
class HttpTransfers {
 public:
  struct Options {
    std::string user_agent;
    std::string ca_file;  ///< empty: the system's
    long max_idle_connections = 256;
    /// False: libcurl need not look for one in the environment, as it does for each connection.
    bool may_use_proxy = true;
  };
  HttpTransfers(EventLoop& loop, Options options);
  ~HttpTransfers();
  HttpTransfers(const HttpTransfers&) = delete;
  HttpTransfers& operator=(const HttpTransfers&) = delete;

  /// Starts; `listener` must outlive the Transfer. Failures, even of a bad address, come through on_end,
  /// later.
  std::unique_ptr<Transfer> start(HttpRequest request, const TransferLimits& limits,
                                  TransferListener& listener);

 private:
  struct Exchange;
  struct State;
  class Handle;
  std::unique_ptr<State> state_;
};

}  // namespace opencat
