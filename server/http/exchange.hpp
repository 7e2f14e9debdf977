// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "opencat/event_loop.hpp"
#include "server/http/message.hpp"

namespace opencat::http {

/// What a route knows of a request and the access log and the metrics should.
struct AnswerNotes {
  std::string token_id;  ///< the public id of the token that was accepted
  /// The model of a model's answer, as the operator named it. Never what a client sent, unless it was found
  /// in the operator's list: it becomes a metric's label.
  std::string model;
};

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

  using OnBody = std::function<void(std::string_view piece)>;
  /// For a route with BodyMode::streamed, whose handler runs as soon as the head has arrived, with an empty
  /// request().body. Asks for the body: `on_body` hears of each piece as it arrives (without chunks; valid
  /// during the call only), `on_end` that it was whole. Neither is called from within this call, nor after
  /// on_gone or a whole answer; neither may throw. To be called once. Until then nothing of the body is read,
  /// and a client that waits for "100 Continue" waits on. A body that is too long (FramingLimits::
  /// max_upload_bytes, 413), broken (400) or stalled ends the exchange like a client that left: on_gone is
  /// called, and the client is told by the connection. An answer before the body's end closes the connection
  /// once it is given; with begin(), the body goes on until end().
  virtual void read_body(OnBody on_body, std::function<void()> on_end) = 0;
  /// Stops and goes on with reading the body: what the client sends meanwhile waits in its own socket, and no
  /// more than 64 KiB of it here. pause_body() may be called from within on_body, which is then not called
  /// again before resume_body().
  virtual void pause_body() = 0;
  virtual void resume_body() = 0;
  /// The streamed body's length, if the client told it (Content-Length); a chunked one has none. It is within
  /// the limit. 0: there is no body.
  virtual std::optional<std::uint64_t> body_length() const = 0;

  /// The whole answer.
  virtual void respond(Response response) = 0;

  /// The head of a streamed answer (`response.body` goes first), then its pieces, each sent at once, then its
  /// end. With `response.length` the client is told it, and exactly so many bytes must follow, or cut_off();
  /// to HEAD none need.
  virtual void begin(Response response) = 0;
  virtual void write(std::string_view piece) = 0;
  virtual void end() = 0;
  /// Instead of end(): closes the connection, so that no client takes the answer for whole.
  virtual void cut_off() {}

  /// Bytes that the client has not taken yet. Whoever writes pauses above `high_water` and goes on at
  /// on_drained.
  virtual std::size_t unsent() const = 0;
  static constexpr std::size_t high_water = 256 << 10;

  AnswerNotes notes;

  /// The client left before the answer was whole. Cleared once called; so is on_drained.
  std::function<void()> on_gone;
  /// unsent() fell to nothing.
  std::function<void()> on_drained;
};

}  // namespace opencat::http
