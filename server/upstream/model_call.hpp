// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "server/upstream/endpoint.hpp"
#include "server/upstream/upstream.hpp"
#include "server/upstream/usage_meter.hpp"

namespace opencat {

/// An upstream's answer that is no stream.
struct WholeAnswer {
  int status = 0;
  std::string content_type;
  std::string retry_after;  ///< its header; "" when it has none
  std::string body;
};

/// What comes of a call, in this order: either whole(), or stream_begins(), any number of stream_bytes(),
/// stream_ended() and upstream_ended(). failed() comes instead of the first of them, when the upstream gave
/// no answer at all.
class ModelCallListener {
 public:
  virtual ~ModelCallListener() = default;
  virtual void whole(WholeAnswer answer) = 0;
  /// `content_type`: of bytes that pass through as they are; events have their own.
  virtual void stream_begins(const std::string& content_type) = 0;
  /// Whole events, or bytes, ready to be sent at once.
  virtual void stream_bytes(std::string_view events) = 0;
  /// All has been said: its last event ended the answer, or told that it failed.
  virtual void stream_ended() = 0;
  /// Bytes that broke off: nothing in them can say so.
  virtual void stream_cut() = 0;
  /// After stream_ended(): its connection is free for the next call. Some upstreams say [DONE] and never end,
  /// so nobody should wait for this long.
  virtual void upstream_ended() = 0;
  virtual void failed(const Error& error) = 0;
};

/// One request at an upstream: reads its answer, relays a stream event by event, and learns what it used.
/// Belongs to one loop's thread. Destroying it cancels the upstream's work; within a call of its listener's
/// that is allowed only in the last one.
class ModelCall : private TransferListener {
 public:
  /// `endpoint` must outlive it.
  ModelCall(ModelCallListener& listener, const Endpoint& endpoint, bool strip_usage_chunk);
  ~ModelCall() override = default;

  void start(Upstream& upstream, UpstreamLoop& loop, UpstreamRequest request);
  void pause() { transfer_->pause(); }
  void resume() { transfer_->resume(); }

  /// What was used so far; see UsageMeter::usage().
  Usage usage(std::string_view request_body) const { return meter_.usage(request_body, saw_end_); }

  /// An answer that is no stream may not be longer.
  static constexpr std::size_t max_answer_bytes = 64 << 20;

 private:
  void on_head(int status, const HttpHeaders& headers) override;
  void on_body(std::string_view piece) override;
  void on_end(std::optional<Error> failure) override;
  void on_event(const SseEvent& event);
  void end_broken(const Error& error);
  void deliver();
  void pass(std::string_view piece);
  void end_bytes(bool whole);

  ModelCallListener& listener_;
  const Endpoint& endpoint_;
  bool strip_usage_chunk_;
  bool stream_wanted_ = false;
  std::unique_ptr<Transfer> transfer_;
  UsageMeter meter_;
  SseParser parser_;
  bool streaming_ = false;
  bool passing_ = false;  ///< bytes, unread but for their tail
  std::string tail_;
  bool over_ = false;
  WholeAnswer answer_;
  std::string ready_;  ///< events of one piece, to go out in one write
  bool saw_end_ = false;
  bool saw_failure_ = false;
  bool ending_ = false;  ///< what comes now may be cut short
};

}  // namespace opencat
