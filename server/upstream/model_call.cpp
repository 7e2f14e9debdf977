// SPDX-License-Identifier: MIT
#include "server/upstream/model_call.hpp"

#include <algorithm>

#include "opencat/text.hpp"
#include "server/upstream/json_text.hpp"

namespace opencat {

namespace {

constexpr std::size_t kept_bytes = 1024;

std::string header_or_empty(const HttpHeaders& headers, std::string_view name) {
  const std::string* value = find_header(headers, name);
  return value == nullptr ? std::string() : *value;
}

}  // namespace

ModelCall::ModelCall(ModelCallListener& listener, const Endpoint& endpoint, bool strip_usage_chunk)
    : listener_(listener),
      endpoint_(endpoint),
      strip_usage_chunk_(strip_usage_chunk),
      parser_([this](const SseEvent& event) { on_event(event); }) {}

void ModelCall::start(Upstream& upstream, UpstreamLoop& loop, UpstreamRequest request) {
  stream_wanted_ = request.stream;
  transfer_ = upstream.start(loop, std::move(request), *this);
}

void ModelCall::on_head(int status, const HttpHeaders& headers) {
  answer_.status = status;
  answer_.content_type = header_or_empty(headers, "content-type");
  answer_.retry_after = header_or_empty(headers, "retry-after");
  streaming_ =
      stream_wanted_ && status == 200 && lower(answer_.content_type).rfind("text/event-stream", 0) == 0;
  passing_ = !streaming_ && endpoint_.answers_bytes && status >= 200 && status < 300;
  if (streaming_) listener_.stream_begins({});
  if (passing_) listener_.stream_begins(answer_.content_type);
}

void ModelCall::on_body(std::string_view piece) {
  if (over_) return;
  if (passing_) return pass(piece);
  if (!streaming_) {
    answer_.body += piece;
    if (answer_.body.size() <= max_answer_bytes) return;
    over_ = true;
    return listener_.failed(Error(ErrorKind::network, "the upstream's answer is too long"));
  }
  try {
    parser_.feed(piece);
  } catch (const Error& error) {
    return end_broken(error);
  }
  deliver();
  if (!saw_end_ || over_) return;
  over_ = true;
  listener_.stream_ended();
}

void ModelCall::on_event(const SseEvent& event) {
  // What follows the end is no part of the answer, and a failure must not end like one.
  if (saw_end_ || saw_failure_) return;
  const EventMeaning meaning = meaning_of(endpoint_.dialect, event);
  // Half an event: a client would fail on it before it reads the error behind it.
  if (ending_ && event.data != "[DONE]" && !is_json(event.data)) return;
  saw_end_ = meaning == EventMeaning::end;
  saw_failure_ = meaning == EventMeaning::failure;
  const bool usage_only = meter_.see_chunk(event.data) == UsageMeter::Chunk::usage_only;
  if (meaning == EventMeaning::content && usage_only && strip_usage_chunk_) return;
  append_sse(ready_, event);
}

void ModelCall::deliver() {
  if (ready_.empty()) return;
  std::string events = std::exchange(ready_, {});
  listener_.stream_bytes(events);
  // Its memory serves the next events, unless these were uncommonly long.
  if (!ready_.empty() || events.capacity() > kept_bytes) return;
  events.clear();
  ready_ = std::move(events);
}

void ModelCall::end_broken(const Error& error) {
  over_ = true;
  deliver();
  listener_.stream_bytes(failure_event(endpoint_.dialect, error));
  listener_.stream_ended();
  listener_.upstream_ended();
}

void ModelCall::pass(std::string_view piece) {
  // A picture's or a transcript's usage stands at its answer's end.
  constexpr std::size_t tail_bytes = 4096;
  tail_ += piece.substr(piece.size() - std::min(piece.size(), tail_bytes));
  if (tail_.size() > 2 * tail_bytes) tail_.erase(0, tail_.size() - tail_bytes);
  listener_.stream_bytes(piece);
}

void ModelCall::end_bytes(bool whole) {
  over_ = true;
  saw_end_ = whole;
  meter_.see_tail(tail_);
  if (whole) {
    listener_.stream_ended();
  } else {
    listener_.stream_cut();
  }
  listener_.upstream_ended();
}

void ModelCall::on_end(std::optional<Error> failure) {
  if (over_) return streaming_ ? listener_.upstream_ended() : void();
  if (passing_) return end_bytes(!failure);
  if (!streaming_) {
    over_ = true;
    if (failure) return listener_.failed(*failure);
    // A page of some proxy's, or nothing at all: with a 200 it would look like an answer.
    const bool is_answer = meter_.see_answer(answer_.body);
    if (!is_answer && answer_.status < 300) {
      return listener_.failed(Error(ErrorKind::network, "the upstream's answer is no JSON"));
    }
    saw_end_ = true;
    return listener_.whole(std::move(answer_));
  }
  ending_ = true;
  if (!failure) parser_.finish();
  // An upstream that told of its failure was relayed; our words would only repeat its own.
  if (saw_end_ || saw_failure_) {
    over_ = true;
    deliver();
    listener_.stream_ended();
    return listener_.upstream_ended();
  }
  end_broken(failure ? *failure : Error(ErrorKind::network, "the upstream broke its answer off; try again"));
}

}  // namespace opencat
