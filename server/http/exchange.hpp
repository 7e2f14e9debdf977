// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string_view>

#include "opencat/event_loop.hpp"
#include "server/http/message.hpp"

namespace opencat::http {

/// One request being answered: with respond(), or with begin(), any number of write(), and end(). All calls
/// belong to the thread of its loop; others reach it through loop().post(). After the client went away the
/// calls do nothing. A handler that lets go of the last reference without an answer has answered 500.
class Exchange {
 public:
  virtual ~Exchange() = default;

  virtual Request& request() = 0;
  virtual EventLoop& loop() = 0;
  /// Which of the server's loops it runs in, counted from 0.
  virtual std::size_t loop_index() const = 0;

  /// The whole answer.
  virtual void respond(Response response) = 0;

  /// The head of a streamed answer (`response.body` goes first), then its pieces, each sent at once, then its
  /// end.
  virtual void begin(Response response) = 0;
  virtual void write(std::string_view piece) = 0;
  virtual void end() = 0;

  /// Bytes that the client has not taken yet. Whoever writes pauses above `high_water` and goes on at
  /// on_drained.
  virtual std::size_t unsent() const = 0;
  static constexpr std::size_t high_water = 256 << 10;

  /// The client left before the answer was whole. Cleared once called; so is on_drained.
  std::function<void()> on_gone;
  /// unsent() fell to nothing.
  std::function<void()> on_drained;
};

}  // namespace opencat::http
