// SPDX-License-Identifier: MIT
#include "server/http/connection.hpp"

#include <algorithm>
#include <cctype>
#include <cerrno>

#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "opencat/text.hpp"
#include "opencat/version.hpp"

namespace opencat::http {

using SteadyClock = std::chrono::steady_clock;
using namespace std::chrono_literals;

namespace {

constexpr auto keep_alive_timeout = 75s;
constexpr auto head_timeout = 20s;         ///< for a request's head to arrive in full
constexpr auto body_stall_timeout = 30s;   ///< without a byte of its body
constexpr auto write_stall_timeout = 60s;  ///< without the client taking a byte
constexpr auto linger_timeout = 2s;        ///< for the client to read a refusal before the socket goes
constexpr std::size_t read_size = 64 << 10;

/// A client's own request id is taken over when it is plain and short: it ends up in headers and logs.
bool is_sane_id(const std::string& id) {
  return !id.empty() && id.size() <= 128 && std::all_of(id.begin(), id.end(), [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_' || c == '.' || c == ':';
  });
}

std::string head_of(const Response& response, const std::string& request_id, bool keep_alive) {
  std::string head =
      fmt::format("HTTP/1.1 {} {}\r\nX-Protocol-Version: {}\r\nX-Request-Id: {}\r\n", response.status,
                  reason_phrase(response.status), protocol_version, request_id);
  for (const auto& [name, value] : response.headers) {
    // A line break inside a value would let its sender write headers of his own.
    if (value.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos) continue;
    head.append(name).append(": ").append(value).append("\r\n");
  }
  if (!keep_alive) head += "Connection: close\r\n";
  return head;
}

bool has_no_body(int status) { return status == 204 || status == 304 || status < 200; }

}  // namespace

/// The exchange of the request that the connection is answering.
class Connection::Answer final : public Exchange {
 public:
  Answer(Connection& connection, RequestParser::Parsed parsed)
      : connection_(&connection),
        host_(connection.host_),
        request_(std::move(parsed.request)),
        keep_alive_(parsed.keep_alive && !connection.host_.draining),
        chunked_(!parsed.http_1_0) {}

  ~Answer() override {
    if (connection_ == nullptr || begun_) return;
    const auto connection = connection_->weak_from_this().lock();
    try {
      respond(error_response(Error(ErrorKind::failed, "the server did not answer this request; try again")));
    } catch (...) {
      // Out of memory, for nothing else throws here. The loop sees the shutdown and lets the connection go.
      if (connection) ::shutdown(connection->descriptor_, SHUT_RDWR);
    }
  }

  Request& request() override { return request_; }
  EventLoop& loop() override { return host_.loop; }
  std::size_t loop_index() const override { return host_.loop_index; }

  void respond(Response response) override {
    if (connection_ == nullptr || begun_) return;
    begun_ = true;
    Connection& connection = detach();
    connection.send_response(request_, response, keep_alive_);
    connection.answered(keep_alive_);
  }

  void begin(Response response) override {
    if (connection_ == nullptr || begun_) return;
    begun_ = true;
    // Without chunks only the connection's end can end the stream.
    if (!chunked_) keep_alive_ = false;
    std::string bytes = head_of(response, request_.id, keep_alive_);
    bytes += chunked_ ? "Transfer-Encoding: chunked\r\n\r\n" : "\r\n";
    connection_->out_ += bytes;
    if (!response.body.empty()) return write(response.body);
    // The first piece mostly follows in this turn of the loop and then goes out with the head in one packet.
    host_.loop.post([weak = connection_->weak_from_this()] {
      if (const auto connection = weak.lock()) connection->flush();
    });
  }

  void write(std::string_view piece) override {
    if (connection_ == nullptr || !begun_ || piece.empty() || request_.method == "HEAD") return;
    if (!chunked_) return connection_->send(piece);
    std::string bytes = fmt::format("{:x}\r\n", piece.size());
    bytes.append(piece).append("\r\n");
    connection_->send(bytes);
  }

  void end() override {
    if (connection_ == nullptr) return;
    Connection& connection = detach();
    if (chunked_) connection.send("0\r\n\r\n");
    connection.answered(keep_alive_);
  }

  std::size_t unsent() const override {
    return connection_ == nullptr ? 0 : connection_->out_.size() - connection_->out_sent_;
  }

  /// The connection is going: no call may reach it again.
  void lose() {
    connection_ = nullptr;
    on_drained = nullptr;
    if (const auto gone = std::exchange(on_gone, nullptr)) gone();
  }

  void drained() {
    if (on_drained) on_drained();
  }

 private:
  Connection& detach() {
    on_gone = nullptr;
    on_drained = nullptr;
    return *std::exchange(connection_, nullptr);
  }

  Connection* connection_;
  ConnectionHost& host_;
  Request request_;
  bool keep_alive_;
  bool chunked_;
  bool begun_ = false;
};

Connection::Connection(ConnectionHost& host, int descriptor, std::string peer_ip)
    : host_(host),
      descriptor_(descriptor),
      peer_ip_(std::move(peer_ip)),
      framing_(host.limits),
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
  if (in_.empty()) request_began_ = last_progress_;
  in_.append(buffer, static_cast<std::size_t>(count));
  if (!handling_) handle_buffered();
}

void Connection::handle_buffered() {
  // Answers given at once come back here through answered(); a loop instead of that recursion keeps the stack
  // flat however many requests a client sends in one packet.
  handling_ = true;
  while (descriptor_ >= 0 && !busy() && !close_after_flush_ && !in_.empty()) {
    const RequestFraming::State state = framing_.look(in_);
    if (state == RequestFraming::State::refused) {
      refuse(framing_.status());
      break;
    }
    if (state == RequestFraming::State::continue_wanted) send("HTTP/1.1 100 Continue\r\n\r\n");
    if (state != RequestFraming::State::whole) break;
    std::size_t size = framing_.size();
    if (const std::size_t trailer = framing_.trailer_at(); trailer > 0) {
      in_.erase(trailer, size - 2 - trailer);
      size = trailer + 2;
    }
    framing_.reset();
    serve(std::string_view(in_).substr(0, size));
    in_.erase(0, size);
    if (in_.empty() && in_.capacity() > read_size) in_.shrink_to_fit();
    request_began_ = SteadyClock::now();
  }
  handling_ = false;
  if (descriptor_ >= 0) update_interest();
}

void Connection::serve(std::string_view bytes) {
  RequestParser::Parsed parsed = host_.parser.parse(bytes);
  if (parsed.route == nullptr && parsed.status != 404 && parsed.status != 405) return refuse(parsed.status);
  const Route* route = parsed.route;
  const std::string* given = parsed.request.header("X-Request-Id");
  parsed.request.id = given != nullptr && is_sane_id(*given) ? *given : host_.new_request_id();
  parsed.request.remote_ip = host_.client_ip(peer_ip_, parsed.request);
  const int status = parsed.status;
  const auto answer = std::make_shared<Answer>(*this, std::move(parsed));
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

void Connection::refuse(int status) {
  const char* message = status == 413   ? "the request is larger than this server takes"
                        : status == 431 ? "the request's headers are larger than this server takes"
                                        : "this is not a request that can be read";
  Response response = error_response(Error(status == 413 ? ErrorKind::too_large : ErrorKind::usage, message));
  response.status = status;
  answer_and_close(response);
}

void Connection::turn_away() {
  turned_away_ = true;
  answer_and_close(error_response(
      Error(ErrorKind::unavailable, "the server is at its limit of connections; try again in a moment")));
}

void Connection::answer_and_close(const Response& response) {
  Request request;
  request.id = host_.new_request_id();
  send_response(request, response, false);
  answered(false);
}

void Connection::send_response(const Request& request, const Response& response, bool keep_alive) {
  std::string bytes = head_of(response, request.id, keep_alive);
  if (!has_no_body(response.status)) bytes += fmt::format("Content-Length: {}\r\n", response.body.size());
  bytes += "\r\n";
  if (request.method != "HEAD" && !has_no_body(response.status)) bytes += response.body;
  send(bytes);
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
  if (descriptor_ < 0) return;
  last_progress_ = request_began_ = SteadyClock::now();
  if (!keep_alive || host_.draining) {
    close_after_flush_ = true;
    if (out_sent_ == out_.size()) linger();
    return;
  }
  // Not from inside serve(): the bytes it is reading still stand in the buffer.
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
  // A pipelined next request waits in the kernel, not in memory.
  if (!busy() || lingering_) wanted |= readable;
  if (wanted == interest_) return;
  interest_ = wanted;
  host_.loop.change(descriptor_, wanted);
}

void Connection::check_times(SteadyClock::time_point now) {
  const auto idle = now - last_progress_;
  if (lingering_) {
    if (idle > linger_timeout) lose();
  } else if (out_sent_ < out_.size()) {
    if (idle > write_stall_timeout) lose();
  } else if (busy()) {
    return;  // its handler knows how long it may take
  } else if (in_.empty()) {
    if (idle > keep_alive_timeout) lose();
  } else if (framing_.in_body() ? idle > body_stall_timeout : now - request_began_ > head_timeout) {
    lose();
  }
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
