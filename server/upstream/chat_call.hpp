// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "server/upstream/chat_request.hpp"
#include "server/upstream/sse_parser.hpp"
#include "server/upstream/upstream.hpp"
#include "server/upstream/usage_meter.hpp"

namespace opencat {

/// What comes of a chat call, in this order: either whole(), or stream_begins(), any number of
/// stream_bytes(), stream_ended() and upstream_ended(). failed() comes instead of the first of them, when the
/// upstream gave no answer at all.
class ChatCallListener {
 public:
  virtual ~ChatCallListener() = default;
  /// An answer that is no stream: the upstream's status and body as they are. `retry_after` is its header, if
  /// any.
  virtual void whole(int status, const std::string& content_type, const std::string& retry_after,
                     std::string body) = 0;
  virtual void stream_begins() = 0;
  /// Whole events, ready to be sent at once.
  virtual void stream_bytes(std::string_view events) = 0;
  /// All has been said: its last event was [DONE], or an error when the upstream broke off.
  virtual void stream_ended() = 0;
  /// After stream_ended(): its connection is free for the next call. Some upstreams say [DONE] and never end,
  /// so nobody should wait for this long.
  virtual void upstream_ended() = 0;
  virtual void failed(const Error& error) = 0;
};

/// One chat request at an upstream: reads its answer, relays a stream event by event, and learns what it
/// used. Belongs to one loop's thread. Destroying it cancels the upstream's work; within a call of its
/// listener's that is allowed only in the last one.
class ChatCall : private TransferListener {
 public:
  ChatCall(ChatCallListener& listener, bool strip_usage_chunk);
  ~ChatCall() override = default;

  void start(Upstream& upstream, UpstreamLoop& loop, UpstreamRequest request);
  void pause() { transfer_->pause(); }
  void resume() { transfer_->resume(); }

  /// What the upstream reported so far.
  const std::optional<UsageReport>& usage() const { return meter_.report(); }

  /// An answer that is no stream may not be longer.
  static constexpr std::size_t max_answer_bytes = 64 << 20;

 private:
  void on_head(int status, const HttpHeaders& headers) override;
  void on_body(std::string_view piece) override;
  void on_end(std::optional<Error> failure) override;
  void on_event(const SseEvent& event);
  void end_broken(const Error& error);
  void deliver();

  ChatCallListener& listener_;
  bool strip_usage_chunk_;
  bool stream_wanted_ = false;
  std::unique_ptr<Transfer> transfer_;
  UsageMeter meter_;
  SseParser parser_;
  bool streaming_ = false;
  bool over_ = false;
  int status_ = 0;
  std::string content_type_;
  std::string retry_after_;
  std::string body_;
  std::string ready_;  ///< events of one piece, to go out in one write
  bool saw_done_ = false;
  bool saw_error_ = false;
  bool ending_ = false;  ///< what comes now may be cut short
};

}  // namespace opencat
