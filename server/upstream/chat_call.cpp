// SPDX-License-Identifier: MIT
#include "server/upstream/chat_call.hpp"

#include <nlohmann/json.hpp>

#include "opencat/error_json.hpp"
#include "opencat/text.hpp"
#include "server/upstream/json_text.hpp"

namespace opencat {

namespace {

/// Whether an event says that the upstream failed. Like usage, errors are looked for only where the word
/// stands.
bool is_error_event(std::string_view data) {
  if (data.find("\"error\"") == std::string_view::npos) return false;
  const nlohmann::json document = nlohmann::json::parse(data, nullptr, false);
  return document.is_object() && document.contains("error") && !document.at("error").is_null() &&
         !document.contains("choices");
}

std::string header_or_empty(const HttpHeaders& headers, std::string_view name) {
  const std::string* value = find_header(headers, name);
  return value == nullptr ? std::string() : *value;
}

}  // namespace

ChatCall::ChatCall(ChatCallListener& listener, bool strip_usage_chunk)
    : listener_(listener),
      strip_usage_chunk_(strip_usage_chunk),
      parser_([this](const SseEvent& event) { on_event(event); }) {}

void ChatCall::start(Upstream& upstream, UpstreamLoop& loop, UpstreamRequest request) {
  stream_wanted_ = request.stream;
  transfer_ = upstream.start(loop, std::move(request), *this);
}

void ChatCall::on_head(int status, const HttpHeaders& headers) {
  status_ = status;
  content_type_ = header_or_empty(headers, "content-type");
  retry_after_ = header_or_empty(headers, "retry-after");
  streaming_ = stream_wanted_ && status == 200 && lower(content_type_).rfind("text/event-stream", 0) == 0;
  if (streaming_) listener_.stream_begins();
}

void ChatCall::on_body(std::string_view piece) {
  if (over_) return;
  if (!streaming_) {
    body_ += piece;
    if (body_.size() <= max_answer_bytes) return;
    over_ = true;
    return listener_.failed(Error(ErrorKind::network, "the upstream's answer is too long"));
  }
  try {
    parser_.feed(piece);
  } catch (const Error& error) {
    return end_broken(error);
  }
  deliver();
  if (!saw_done_ || over_) return;
  over_ = true;
  listener_.stream_ended();
}

void ChatCall::on_event(const SseEvent& event) {
  // What follows the end is no part of the answer, and a failure must not end like one.
  if (saw_done_ || saw_error_) return;
  const bool is_end = event.data == "[DONE]";
  // Half an event: a client would fail on it before it reads the error behind it.
  if (ending_ && !is_end && !is_json(event.data)) return;
  if (is_end) {
    saw_done_ = true;
  } else if (is_error_event(event.data)) {
    saw_error_ = true;
  } else if (meter_.see_chunk(event.data) == UsageMeter::Chunk::usage_only && strip_usage_chunk_) {
    return;
  }
  ready_ += sse_bytes(event);
}

void ChatCall::deliver() {
  if (ready_.empty()) return;
  const std::string events = std::exchange(ready_, {});
  listener_.stream_bytes(events);
}

void ChatCall::end_broken(const Error& error) {
  over_ = true;
  deliver();
  listener_.stream_bytes(sse_bytes({"", error_json(error)}));
  listener_.stream_ended();
  listener_.upstream_ended();
}

void ChatCall::on_end(std::optional<Error> failure) {
  if (over_) return streaming_ ? listener_.upstream_ended() : void();
  if (!streaming_) {
    over_ = true;
    if (failure) return listener_.failed(*failure);
    // A page of some proxy's, or nothing at all: with a 200 it would look like an answer.
    if (!meter_.see_answer(body_) && status_ < 300) {
      return listener_.failed(Error(ErrorKind::network, "the upstream's answer is no JSON"));
    }
    return listener_.whole(status_, content_type_, retry_after_, std::move(body_));
  }
  ending_ = true;
  if (!failure) parser_.finish();
  // An upstream that told of its failure was relayed; our words would only repeat its own.
  if (saw_done_ || saw_error_) {
    over_ = true;
    deliver();
    listener_.stream_ended();
    return listener_.upstream_ended();
  }
  end_broken(failure ? *failure : Error(ErrorKind::network, "the upstream broke its answer off; try again"));
}

}  // namespace opencat
