// SPDX-License-Identifier: MIT
#include "server/http/connection.hpp"

#include <algorithm>
#include <cctype>
#include <cerrno>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "opencat/error.hpp"
#include "server/http/answer.hpp"

namespace opencat::http {

using SteadyClock = std::chrono::steady_clock;
using namespace std::chrono_literals;

namespace {

constexpr auto keep_alive_timeout = 75s;
constexpr auto head_timeout = 20s;         ///< for a request's head to arrive in full
constexpr auto body_stall_timeout = 30s;   ///< without a byte of its body
constexpr int slowest_body_per_s = 500;    ///< bytes, of one that is kept until it is whole, after those 30 s
constexpr auto write_stall_timeout = 60s;  ///< without the client taking a byte
constexpr auto linger_timeout = 2s;        ///< for the client to read a refusal before the socket goes
constexpr std::size_t read_size = 64 << 10;

const AnswerNotes no_notes;

/// A client's own request id is taken over when it is plain and short: it ends up in headers and logs.
bool is_sane_id(const std::string& id) {
  return !id.empty() && id.size() <= 128 && std::all_of(id.begin(), id.end(), [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_' || c == '.' || c == ':';
  });
}

}  // namespace

Connection::Connection(ConnectionHost& host, int descriptor, std::string peer_ip)
    : host_(host),
      descriptor_(descriptor),
      peer_ip_(std::move(peer_ip)),
      head_(host.limits.max_head_bytes),
      last_progress_(SteadyClock::now()),
      request_began_(last_progress_) {}

Connection::~Connection() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void Connection::start() {
  const int on = 1;
  // An event must leave when it is written: without this it waits up to 40 ms for the acknowledgement of the
  // last.
  setsockopt(descriptor_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  interest_ = readable;
  host_.loop.watch(descriptor_, interest_, *this);
}

void Connection::on_ready(unsigned readiness) {
  const auto self = shared_from_this();
  if (readiness & writable) flush();
  if (descriptor_ < 0) return;
  if (readiness & hung_up && (busy() || lingering_)) return lose();
  if (readiness & (readable | hung_up)) read();
}

void Connection::read() {
  static thread_local char buffer[read_size];
  const ssize_t count = ::recv(descriptor_, buffer, sizeof buffer, MSG_DONTWAIT);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (count <= 0) return lose();
  // Nothing more is answered, so nothing more is kept.
  if (lingering_ || close_after_flush_) return;
  last_progress_ = SteadyClock::now();
  if (in_.empty() && !incoming_) request_began_ = last_progress_;
  in_.append(buffer, static_cast<std::size_t>(count));
  if (reads_body()) {
    feed_body();
  } else if (!handling_) {
    handle_buffered();
  }
}

void Connection::handle_buffered() {
  // Answers given at once come back here through answered(); a loop instead of that recursion keeps the stack
  // flat however many requests a client sends in one packet.
  handling_ = true;
  while (descriptor_ >= 0 && !busy() && !close_after_flush_) {
    if (!(incoming_ ? gather_body() : take_head())) break;
  }
  handling_ = false;
  if (descriptor_ < 0) return;
  if (in_.empty() && in_.capacity() > read_size) in_.shrink_to_fit();
  update_interest();
}

/// Whether there was one that can be answered.
bool Connection::take_head() {
  if (in_.empty()) return false;
  const HeadFraming::State state = head_.look(in_);
  if (state == HeadFraming::State::refused) refuse(head_.status());
  if (state != HeadFraming::State::whole) return false;
  const BodyFacts facts = head_.body();
  RequestParser::Parsed parsed = host_.parser.parse(std::string_view(in_).substr(0, head_.size()));
  parsed.request.remote_ip = host_.client_ip(peer_ip_, head_.forwarded_for());
  in_.erase(0, head_.size());
  head_.reset();
  request_began_ = SteadyClock::now();
  const std::string* given = parsed.request.header("X-Request-Id");
  parsed.request.id = given != nullptr && is_sane_id(*given) ? *given : host_.new_request_id();
  if (parsed.route == nullptr && parsed.status != 404 && parsed.status != 405) {
    refuse(parsed.status, parsed.request.id);
    return false;
  }
  const bool streamed = parsed.route != nullptr && parsed.route->body == BodyMode::streamed;
  const std::uint64_t limit = streamed ? host_.limits.max_upload_bytes : host_.limits.max_body_bytes;
  if (facts.length > limit) {
    refuse(413, parsed.request.id);
    return false;
  }
  if (!streamed && facts.empty()) {
    serve(std::move(parsed), facts);
    return true;
  }
  incoming_ = std::make_unique<Incoming>(Incoming{{}, facts, BodyFraming(facts, limit), streamed});
  if (streamed) {
    serve(std::move(parsed), facts);
  } else {
    incoming_->parsed = std::move(parsed);
  }
  return true;
}

/// Whether the request became whole.
bool Connection::gather_body() {
  Incoming& incoming = *incoming_;
  std::string& body = incoming.parsed.request.body;
  std::string_view rest = in_;
  BodyFraming::Step step;
  do {
    step = incoming.body.next(rest);
    rest.remove_prefix(step.consumed);
    body.append(step.piece);
  } while (step.state == BodyFraming::State::piece);
  in_.erase(0, in_.size() - rest.size());
  if (step.state == BodyFraming::State::refused) {
    refuse(incoming.body.status(), incoming.parsed.request.id);
  } else if (step.state == BodyFraming::State::more) {
    say_continue();
  } else {
    const std::unique_ptr<Incoming> whole = std::move(incoming_);
    serve(std::move(whole->parsed), whole->facts);
    return true;
  }
  return false;
}

void Connection::serve(RequestParser::Parsed parsed, const BodyFacts& body) {
  const Route* route = parsed.route;
  const int status = parsed.status;
  const auto answer = std::make_shared<Answer>(*this, std::move(parsed), body);
  exchange_ = answer;
  try {
    if (route == nullptr) {
      Response response =
          error_response(Error(ErrorKind::not_found, status == 405 ? "this address does not take that method"
                                                                   : "there is nothing at this address"));
      response.status = status;
      return answer->respond(std::move(response));
    }
    host_.dispatch(*route, answer);
  } catch (const Error& error) {
    answer->respond(error_response(error));
  }
}

void Connection::refuse(int status, const std::string& request_id) {
  answer_and_close(refusal(status), request_id);
}

void Connection::turn_away() {
  turned_away_ = true;
  if (host_.observer != nullptr) host_.observer->connection_refused();
  answer_and_close(error_response(Error(ErrorKind::unavailable,
                                        "the server is at its limit of connections; try again in a moment")),
                   {});
}

void Connection::answer_and_close(Response response, const std::string& request_id) {
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
    const ssize_t count =
        ::send(descriptor_, out_.data() + out_sent_, out_.size() - out_sent_, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count < 0) {
      if (errno == EINTR) continue;
      if (errno != EAGAIN) return lose();
      return update_interest();
    }
    out_sent_ += static_cast<std::size_t>(count);
    last_progress_ = SteadyClock::now();
  }
  if (descriptor_ < 0) return;
  const bool had_bytes = !out_.empty();
  out_.clear();
  out_sent_ = 0;
  if (out_.capacity() > read_size) out_.shrink_to_fit();
  update_interest();
  if (close_after_flush_) return linger();
  if (!had_bytes) return;
  if (const auto exchange = exchange_.lock()) exchange->drained();
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
  ::shutdown(descriptor_, SHUT_WR);
  update_interest();
}

void Connection::update_interest() {
  if (descriptor_ < 0) return;
  unsigned wanted = out_sent_ < out_.size() ? unsigned{writable} : 0u;
  // A pipelined next request waits in the kernel, not in memory; so does a body that nobody wants yet.
  if (!busy() || lingering_ || reads_body()) wanted |= readable;
  if (wanted == interest_) return;
  interest_ = wanted;
  host_.loop.change(descriptor_, wanted);
}

void Connection::check_times(SteadyClock::time_point now) {
  if (is_late(now)) lose();
}

bool Connection::is_late(SteadyClock::time_point now) const {
  const auto idle = now - last_progress_;
  if (lingering_) return idle > linger_timeout;
  if (out_sent_ < out_.size()) return idle > write_stall_timeout;
  // Its handler knows how long an answer may take.
  if (busy()) return reads_body() && idle > body_stall_timeout;
  if (incoming_) {
    const auto patience =
        body_stall_timeout + std::chrono::seconds(incoming_->body.taken() / slowest_body_per_s);
    return idle > body_stall_timeout || now - request_began_ > patience;
  }
  if (!in_.empty()) return now - request_began_ > head_timeout;
  return idle > keep_alive_timeout;
}

void Connection::drain() {
  if (!busy() && out_sent_ == out_.size() && !lingering_) lose();
}

void Connection::close() { lose(); }

void Connection::lose() {
  if (descriptor_ < 0) return;
  const auto self = shared_from_this();
  const int descriptor = std::exchange(descriptor_, -1);
  host_.loop.unwatch(descriptor);
  ::close(descriptor);
  const auto exchange = exchange_.lock();
  exchange_.reset();
  if (exchange) exchange->lose();
  host_.on_closed(descriptor);
}

}  // namespace opencat::http
