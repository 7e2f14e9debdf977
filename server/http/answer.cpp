// SPDX-License-Identifier: MIT
#include "server/http/answer.hpp"

#include <array>
#include <charconv>

#include "opencat/version.hpp"

namespace opencat::http {

namespace {

constexpr int client_left_status = 499;  ///< nginx's name for it; no client sees it

bool has_no_body(int status) { return status == 204 || status == 304 || status < 200; }

}  // namespace

std::string head_of(const Response& response, const std::string& request_id, bool keep_alive) {
  std::string head;
  head.reserve(512);
  head.append("HTTP/1.1 ").append(std::to_string(response.status)).append(" ");
  head.append(reason_phrase(response.status)).append("\r\nX-Protocol-Version: ").append(protocol_version);
  head.append("\r\nX-Request-Id: ").append(request_id).append("\r\n");
  for (const auto& [name, value] : response.headers) {
    // A line break inside a value would let its sender write headers of his own.
    if (value.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos) continue;
    head.append(name).append(": ").append(value).append("\r\n");
  }
  if (!keep_alive) head += "Connection: close\r\n";
  return head;
}

std::string bytes_of(const Request& request, const Response& response, bool keep_alive) {
  std::string bytes = head_of(response, request.id, keep_alive);
  if (!has_no_body(response.status)) {
    bytes.append("Content-Length: ").append(std::to_string(response.body.size())).append("\r\n");
  }
  bytes += "\r\n";
  if (request.method != "HEAD" && !has_no_body(response.status)) bytes += response.body;
  return bytes;
}

Response refusal(int status) {
  const char* message = status == 413   ? "the request is larger than this server takes"
                        : status == 431 ? "the request's headers are larger than this server takes"
                                        : "this is not a request that can be read";
  return refusal(status, message);
}

Response refusal(int status, const char* message) {
  Response response = error_response(Error(status == 413 ? ErrorKind::too_large : ErrorKind::usage, message));
  response.status = status;
  return response;
}

Answer::Answer(Connection& connection, RequestParser::Parsed parsed, const BodyFacts& body)
    : connection_(&connection),
      host_(connection.host_),
      request_(std::move(parsed.request)),
      body_(body),
      keep_alive_(parsed.keep_alive),
      chunked_(!parsed.http_1_0),
      route_(parsed.route),
      began_at_(connection.request_began_) {
  if (host_.observer != nullptr) host_.observer->request_began();
}

Answer::~Answer() {
  if (connection_ == nullptr) return;
  // Nobody is left to end what it began, and another answer behind that would read as a part of it.
  if (begun_)
    connection_->close();
  else
    respond(error_response(Error(ErrorKind::failed, "the server did not answer this request; try again")));
}

void Answer::read_body(OnBody on_body, std::function<void()> on_end) {
  if (connection_ == nullptr) return;
  on_body_ = std::move(on_body);
  on_body_end_ = std::move(on_end);
  connection_->want_body();
}

void Answer::pause_body() {
  if (connection_ != nullptr) connection_->set_body_paused(true);
}

void Answer::resume_body() {
  if (connection_ != nullptr) connection_->set_body_paused(false);
}

std::optional<std::uint64_t> Answer::body_length() const {
  return body_.chunked ? std::nullopt : std::optional(body_.length);
}

/// Whether another request may follow: not behind the rest of a body that nobody reads.
bool Answer::keeps_alive() {
  keep_alive_ = connection_->skip_body() && keep_alive_ && !host_.draining;
  return keep_alive_;
}

void Answer::respond(Response response) {
  if (connection_ == nullptr || begun_) return;
  begun_ = true;
  const bool keep_alive = keeps_alive();
  host_.cors.add_headers(request_, response.headers);
  status_ = response.status;
  const std::string bytes = bytes_of(request_, response, keep_alive);
  bytes_ += bytes.size();
  report(false);
  Connection& connection = detach();
  connection.send(bytes);
  connection.answered(keep_alive);
}

void Answer::begin(Response response) {
  if (connection_ == nullptr || begun_) return;
  begun_ = true;
  if (response.length) chunked_ = false;
  // Without chunks or a length only the connection's end can end the stream.
  const bool has_end = chunked_ || response.length;
  if (!has_end || connection_->has_body_left() || host_.draining) keep_alive_ = false;
  host_.cors.add_headers(request_, response.headers);
  std::string bytes = head_of(response, request_.id, keep_alive_);
  if (response.length)
    bytes.append("Content-Length: ").append(std::to_string(*response.length)).append("\r\n");
  bytes += chunked_ ? "Transfer-Encoding: chunked\r\n\r\n" : "\r\n";
  status_ = response.status;
  streamed_ = true;
  bytes_ += bytes.size();
  if (host_.observer != nullptr) host_.observer->stream_began();
  connection_->out_ += bytes;
  if (!response.body.empty()) return write(response.body);
  // The first piece mostly follows in this turn of the loop and then goes out with the head in one packet.
  host_.loop.post([weak = connection_->weak_from_this()] {
    if (const auto connection = weak.lock()) connection->flush();
  });
}

void Answer::write(std::string_view piece) {
  if (connection_ == nullptr || !begun_ || piece.empty() || request_.method == "HEAD") return;
  // A comment of an event stream (": ping") is none of the answer.
  if (!first_piece_at_ && piece.front() != ':') first_piece_at_ = std::chrono::steady_clock::now();
  bytes_ += piece.size();
  if (!chunked_) return connection_->send(piece);
  // Straight into what goes out: this is done for each event of each stream.
  std::array<char, 18> size;
  char* end = std::to_chars(size.data(), size.data() + 16, piece.size(), 16).ptr;
  *end++ = '\r';
  *end++ = '\n';
  connection_->out_.append(size.data(), end).append(piece).append("\r\n");
  connection_->flush();
}

void Answer::cut_off() {
  if (connection_ == nullptr) return;
  on_gone = nullptr;
  connection_->close();
}

void Answer::end() {
  if (connection_ == nullptr) return;
  report(false);
  Connection& connection = detach();
  if (chunked_ && request_.method != "HEAD") connection.send("0\r\n\r\n");
  connection.answered(keep_alive_);
}

std::size_t Answer::unsent() const {
  return connection_ == nullptr ? 0 : connection_->out_.size() - connection_->out_sent_;
}

void Answer::lose() {
  if (connection_ == nullptr) return;
  report(true);
  connection_ = nullptr;
  on_drained = nullptr;
  on_body_ = nullptr;
  on_body_end_ = nullptr;
  if (const auto gone = std::exchange(on_gone, nullptr)) gone();
}

void Answer::refuse_body(int status) {
  on_body_ = nullptr;
  on_body_end_ = nullptr;
  const auto gone = std::exchange(on_gone, nullptr);
  respond(refusal(status));
  if (gone) gone();
}

void Answer::drained() {
  // It may answer, and then what it is made of must not go from under it.
  const auto call = std::exchange(on_drained, nullptr);
  if (call) call();
  if (connection_ != nullptr && !on_drained) on_drained = call;
}

void Answer::body_piece(std::string_view piece) {
  // As above.
  OnBody call = std::exchange(on_body_, nullptr);
  if (call) call(piece);
  if (connection_ != nullptr) on_body_ = std::move(call);
}

void Answer::body_ended() {
  on_body_ = nullptr;
  if (const auto call = std::exchange(on_body_end_, nullptr)) call();
}

/// Tells the observer of the end: once, for it stands before the connection is let go.
void Answer::report(bool cut) {
  if (host_.observer == nullptr) return;
  Answered answered{request_,     route_,
                    notes,        status_ == 0 ? client_left_status : status_,
                    bytes_,       std::chrono::steady_clock::now() - began_at_,
                    std::nullopt, streamed_,
                    cut};
  if (first_piece_at_) answered.first_piece = *first_piece_at_ - began_at_;
  host_.observer->request_ended(answered, true);
}

Connection& Answer::detach() {
  on_gone = nullptr;
  on_drained = nullptr;
  on_body_ = nullptr;
  on_body_end_ = nullptr;
  return *std::exchange(connection_, nullptr);
}

}  // namespace opencat::http
