// SPDX-License-Identifier: MIT
#include "opencat/http_request_writer.hpp"

#include <utility>

#include <fmt/format.h>

namespace opencat {

namespace {

constexpr std::size_t upload_piece = 16 << 10;
/// A body up to here is joined to its head: one packet, one call.
constexpr std::size_t joined_body = 16 << 10;

}  // namespace

HttpRequestWriter::HttpRequestWriter(const HttpRequest& request, const HttpTarget& target,
                                     const std::string& user_agent, std::function<void()> on_upload)
    : request_(request),
      target_(target),
      user_agent_(user_agent),
      on_upload_(std::move(on_upload)),
      length_(request.upload ? request.upload->length() : request.body.size()) {
  begin();
}

void HttpRequestWriter::begin() {
  sent_ = 0;
  out_ = fmt::format("{} {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: {}\r\n", request_.method, target_.path,
                     target_.host, user_agent_);
  for (const auto& [name, value] : request_.headers) {
    if (fits_in_head(name) && fits_in_head(value))
      out_.append(name).append(": ").append(value).append("\r\n");
  }
  if (!length_)
    out_ += "Transfer-Encoding: chunked\r\n";
  else if (request_.method != "GET")
    out_ += fmt::format("Content-Length: {}\r\n", *length_);
  out_ += "\r\n";
  if (request_.body.size() > joined_body)
    body_left_ = request_.body;
  else
    out_ += request_.body;
  uploads_ = request_.upload != nullptr;
  if (!uploads_) return;
  request_.upload->wakeup = [this] {
    if (std::exchange(upload_waits_, false)) on_upload_();
  };
}

bool HttpRequestWriter::rewind() {
  stop();
  if (request_.upload && !request_.upload->rewind()) return false;
  stopped_ = false;
  begin();
  return true;
}

void HttpRequestWriter::stop() {
  stopped_ = true;
  upload_waits_ = false;
  body_left_ = {};
  if (std::exchange(uploads_, false)) request_.upload->wakeup = nullptr;
}

bool HttpRequestWriter::write(HttpLink& link) {
  bool any = false;
  while (!stopped_ && write_piece(link)) any = true;
  return any;
}

bool HttpRequestWriter::write_piece(HttpLink& link) {
  if (sent_ == out_.size() && body_left_.empty()) {
    std::exchange(out_, {});
    sent_ = 0;
    if (uploads_) take_upload();
    if (out_.empty() || stopped_) return false;
  }
  const bool first = sent_ < out_.size();
  const auto count = link.send(first ? std::string_view(out_).substr(sent_) : body_left_);
  if (!count) return false;
  if (*count == 0) {
    // Some answer before they have read all, and close. If there is no answer, reading finds out.
    stop();
    return false;
  }
  if (first)
    sent_ += *count;
  else
    body_left_.remove_prefix(*count);
  return true;
}

/// The next piece of the upload into out_.
void HttpRequestWriter::take_upload() {
  std::string piece(upload_piece, '\0');
  const auto count = request_.upload->read(piece.data(), piece.size());
  upload_waits_ = count && *count == 0;
  if (upload_waits_) return;
  if (!count) {
    uploads_ = false;
    request_.upload->wakeup = nullptr;
    if (!length_) out_ = "0\r\n\r\n";
    return;
  }
  piece.resize(*count);
  out_ = length_ ? std::move(piece) : fmt::format("{:x}\r\n{}\r\n", *count, piece);
}

}  // namespace opencat
