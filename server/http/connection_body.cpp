// SPDX-License-Identifier: MIT
// The part of Connection that gives a body on as it arrives.
#include "server/http/answer.hpp"

namespace opencat::http {

/// Whether what arrives is to go to the handler.
bool Connection::reads_body() const {
  return incoming_ && incoming_->wanted && !incoming_->paused && !close_after_flush_;
}

void Connection::say_continue() {
  if (!incoming_->facts.expects_continue) return;
  incoming_->facts.expects_continue = false;
  // A client that sent its body without waiting needs no answer first.
  if (in_.empty() && incoming_->body.taken() == 0) send("HTTP/1.1 100 Continue\r\n\r\n");
}

void Connection::want_body() {
  if (!incoming_ || !incoming_->streamed || incoming_->wanted) return;
  incoming_->wanted = true;
  say_continue();
  feed_body_soon();
}

void Connection::set_body_paused(bool paused) {
  if (!incoming_ || incoming_->paused == paused) return;
  incoming_->paused = paused;
  if (!paused) return feed_body_soon();
  update_interest();
}

void Connection::feed_body_soon() {
  last_progress_ = std::chrono::steady_clock::now();
  host_.loop.post([weak = weak_from_this()] {
    if (const auto connection = weak.lock(); connection && connection->descriptor_ >= 0)
      connection->feed_body();
  });
}

void Connection::feed_body() {
  const auto self = shared_from_this();
  // The handler may answer, and then the buffer is another request's: what is given to it stays here.
  std::string bytes = std::exchange(in_, {});
  std::string_view rest = bytes;
  bool ended = false;
  while (descriptor_ >= 0 && reads_body() && !ended) {
    const auto answer = exchange_.lock();
    if (!answer) break;
    const BodyFraming::Step step = incoming_->body.next(rest);
    rest.remove_prefix(step.consumed);
    if (step.state == BodyFraming::State::refused) return break_off(incoming_->body.status());
    if (step.state == BodyFraming::State::more) break;
    if (step.state == BodyFraming::State::piece) answer->body_piece(step.piece);
    ended = step.state == BodyFraming::State::whole;
  }
  if (descriptor_ < 0 || close_after_flush_) return;
  bytes.erase(0, bytes.size() - rest.size());
  // Mostly there is nothing else, and the buffer serves on.
  if (in_.empty()) {
    in_.swap(bytes);
  } else {
    in_.insert(0, bytes);
  }
  if (ended) {
    incoming_.reset();
    if (in_.empty()) in_.shrink_to_fit();
    if (const auto answer = exchange_.lock()) answer->body_ended();
  }
  if (descriptor_ < 0) return;
  if (!busy() && !handling_) return handle_buffered();
  update_interest();
}

void Connection::break_off(int status) {
  const auto answer = exchange_.lock();
  if (!answer || answer->begun()) return lose();
  answer->refuse_body(status);
}

/// Reads over what has already arrived of a body that nobody wants; whether that was all of it.
bool Connection::skip_body() {
  if (!incoming_) return true;
  std::string_view rest = in_;
  BodyFraming::Step step;
  do {
    step = incoming_->body.next(rest);
    rest.remove_prefix(step.consumed);
  } while (step.state == BodyFraming::State::piece);
  in_.erase(0, in_.size() - rest.size());
  return step.state == BodyFraming::State::whole;
}

}  // namespace opencat::http
