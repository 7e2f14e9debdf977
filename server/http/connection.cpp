// SPDX-License-Identifier: MIT
#include "server/http/connection.hpp"

#include "opencat/error.hpp"
#include "opencat/sockets.hpp"
#include "server/http/answer.hpp"

namespace opencat::http {

using SteadyClock = std::chrono::steady_clock;

namespace {

const AnswerNotes no_notes;

}  // namespace

Connection::Connection(ConnectionHost& host, int descriptor, std::unique_ptr<Channel> channel,
                       std::string peer_ip)
    : host_(host),
      descriptor_(descriptor),
      channel_(std::move(channel)),
      peer_ip_(std::move(peer_ip)),
      head_(host.limits.max_head_bytes),
      last_progress_(SteadyClock::now()),
      request_began_(last_progress_) {}

Connection::~Connection() {
  if (descriptor_ >= 0) sockets::close(descriptor_);
}

void Connection::start() {
  sockets::send_at_once(descriptor_);
  interest_ = readable;
  host_.loop.watch(descriptor_, interest_, *this);
}

void Connection::on_ready(unsigned readiness) {
  const auto self = shared_from_this();
  if (readiness & writable) {
    flush();
    if (descriptor_ >= 0 && channel_->read_wants_writable()) read();
  }
  if (descriptor_ < 0) return;
  if (readiness & hung_up && (busy() || lingering_)) return lose();
  if (readiness & readable && !(readiness & hung_up) && !wants_to_read()) return stop_reading();
  if (readiness & (readable | hung_up)) read();
  if (descriptor_ >= 0 && channel_->write_wants_readable()) flush();
}

void Connection::read() {
  const Channel::Result result = channel_->read(host_.read_buffer.get(), ConnectionHost::read_size);
  if (result.outcome == Channel::Outcome::again) return update_interest();
  if (result.outcome == Channel::Outcome::plain_http) return refuse_plain_http();
  if (result.outcome == Channel::Outcome::closed) return lose();
  // Nothing more is answered, so nothing more is kept.
  if (lingering_ || close_after_flush_) return update_interest();
  last_progress_ = SteadyClock::now();
  if (in_.empty() && !incoming_) request_began_ = last_progress_;
  in_.append(host_.read_buffer.get(), result.count);
  if (reads_body()) {
    feed_body();
  } else if (!handling_) {
    handle_buffered();
  }
}

/// Reads on what the channel holds, which the loop would not tell of.
void Connection::read_soon() {
  if (std::exchange(reading_soon_, true)) return;
  host_.loop.post([weak = weak_from_this()] {
    const auto connection = weak.lock();
    if (!connection) return;
    connection->reading_soon_ = false;
    if (connection->descriptor_ >= 0 && connection->interest_ & readable) connection->read();
  });
}

void Connection::refuse_plain_http() {
  channel_ = plain_channel(descriptor_);
  answer_and_close(refusal(400, "this port speaks HTTPS: begin the address with https://"), {});
}

void Connection::turn_away() {
  turned_away_ = true;
  if (host_.observer != nullptr) host_.observer->connection_refused();
  answer_and_close(error_response(Error(ErrorKind::unavailable,
                                        "the server is at its limit of connections; try again in a moment")),
                   {});
}

void Connection::answer_and_close(const Response& response, const std::string& request_id) {
  Request request;
  request.id = request_id.empty() ? host_.new_request_id() : request_id;
  request.remote_ip = peer_ip_;
  const std::string bytes = bytes_of(request, response, false);
  if (host_.observer != nullptr) {
    host_.observer->request_ended({request, nullptr, no_notes, response.status, bytes.size(),
                                   SteadyClock::now() - request_began_, std::nullopt, false, false},
                                  false);
  }
  send(bytes);
  answered(false);
}

void Connection::send(std::string_view bytes) {
  if (descriptor_ < 0) return;
  out_ += bytes;
  flush();
}

void Connection::flush() {
  while (descriptor_ >= 0 && out_sent_ < out_.size()) {
    const Channel::Result result = channel_->write(std::string_view(out_).substr(out_sent_));
    if (result.outcome == Channel::Outcome::again) {
      // A client that is never quite done must not leave behind what it has taken.
      if (out_sent_ > Exchange::high_water) out_.erase(0, std::exchange(out_sent_, 0));
      return update_interest();
    }
    if (result.outcome != Channel::Outcome::done) return lose();
    out_sent_ += result.count;
    last_progress_ = host_.loop.now();
  }
  if (descriptor_ < 0) return;
  const bool had_bytes = !out_.empty();
  out_.clear();
  out_sent_ = 0;
  if (out_.capacity() > ConnectionHost::read_size) out_.shrink_to_fit();
  update_interest();
  if (close_after_flush_) return linger();
  if (!had_bytes) return;
  if (const auto exchange = exchange_.lock()) return exchange->drained();
  // What it had asked for meanwhile has waited for this.
  if (!handling_ && !in_.empty()) handle_buffered();
}

void Connection::answered(bool keep_alive) {
  exchange_.reset();
  incoming_.reset();
  if (descriptor_ < 0) return;
  last_progress_ = request_began_ = SteadyClock::now();
  if (!keep_alive || host_.draining) {
    close_after_flush_ = true;
    if (out_sent_ == out_.size()) linger();
    return;
  }
  if (!handling_) handle_buffered();
}

void Connection::linger() {
  if (lingering_) return;
  // Closing while the client still sends would reset the connection, and the answer could be lost with it.
  lingering_ = true;
  in_.clear();
  last_progress_ = SteadyClock::now();
  channel_->end();
  update_interest();
}

/// A pipelined next request waits in the kernel, not in memory; so does a body that nobody wants yet, and all
/// that a client sends who leaves its answers lying.
bool Connection::wants_to_read() const {
  if (lingering_ || reads_body() || channel_->write_wants_readable()) return true;
  return !busy() && !close_after_flush_ && !is_choked();
}

bool Connection::is_choked() const { return out_.size() - out_sent_ > Exchange::high_water; }

void Connection::stop_reading() {
  interest_ &= ~unsigned{readable};
  host_.loop.change(descriptor_, interest_);
}

void Connection::update_interest() {
  if (descriptor_ < 0) return;
  const bool writes = out_sent_ < out_.size() && !channel_->write_wants_readable();
  unsigned wanted = writes || channel_->read_wants_writable() ? unsigned{writable} : 0u;
  if (wants_to_read()) wanted |= readable;
  if (wanted & readable && channel_->has_buffered()) read_soon();
  // Most clients send nothing while they wait: not to watch for it is put off until something comes, which
  // saves two system calls for each request.
  if (wanted == interest_ || (wanted | readable) == interest_) return;
  interest_ = wanted;
  host_.loop.change(descriptor_, wanted);
}

bool Connection::is_late(SteadyClock::time_point now) const {
  const Patience& patience = host_.patience;
  const auto idle = now - last_progress_;
  if (lingering_) return idle > patience.linger;
  if (!channel_->is_established()) return now - request_began_ > patience.handshake;
  if (out_sent_ < out_.size()) return idle > patience.write_stall;
  // Its handler knows how long an answer may take.
  if (busy()) return reads_body() && idle > patience.body_stall;
  if (incoming_) {
    const auto at_least = std::chrono::seconds(incoming_->body.taken() / patience.slowest_body_per_s);
    return idle > patience.body_stall || now - request_began_ > patience.body_stall + at_least;
  }
  if (!in_.empty()) return now - request_began_ > patience.head;
  return idle > patience.keep_alive;
}

void Connection::drain() {
  // A request whose body is on its way is under way: it is answered, and then the connection ends.
  if (!busy() && !incoming_ && out_sent_ == out_.size() && !lingering_) lose();
}

void Connection::close() { lose(); }

void Connection::lose() {
  if (descriptor_ < 0) return;
  const auto self = shared_from_this();
  const int descriptor = std::exchange(descriptor_, -1);
  host_.loop.unwatch(descriptor);
  sockets::close(descriptor);
  const auto exchange = exchange_.lock();
  exchange_.reset();
  if (exchange) exchange->lose();
  host_.on_closed(descriptor);
}

}  // namespace opencat::http
