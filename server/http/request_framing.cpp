// SPDX-License-Identifier: MIT
#include "server/http/request_framing.hpp"

#include <algorithm>
#include <charconv>

#include "opencat/text.hpp"

namespace opencat::http {

namespace {

/// A number of the given base and nothing else.
bool parse_whole(std::string_view text, int base, std::uint64_t& number) {
  if (text.empty()) return false;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  return problem == std::errc{} && end == text.data() + text.size();
}

/// Whether a line holds what some servers take for its end, or for the end of all.
bool has_control(std::string_view line) {
  return line.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos;
}

/// A header's name as RFC 9110 has it: a token (section 5.6.2). No space before the colon, nothing unseen.
bool is_token(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    const bool alphanumeric = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    return alphanumeric || std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  });
}

constexpr std::size_t max_chunk_line = 256;
/// Bytes around the chunks that are no attack, beside eight for each byte of the body: chunks of one byte.
constexpr std::uint64_t max_around_body = 32 << 10;

}  // namespace

HeadFraming::State HeadFraming::refuse(int status) {
  status_ = status;
  return State::refused;
}

HeadFraming::State HeadFraming::look(std::string_view buffer) {
  const std::size_t end = buffer.find("\r\n\r\n", searched_);
  if (end == std::string_view::npos) {
    // A line that ends in a bare LF: some servers would take the head as ended.
    for (std::size_t at = searched_; (at = buffer.find('\n', at)) != std::string_view::npos; ++at) {
      if (at == 0 || buffer[at - 1] != '\r') return refuse(400);
    }
    searched_ = buffer.size() < 3 ? 0 : buffer.size() - 3;
    return buffer.size() > max_bytes_ ? refuse(431) : State::more;
  }
  if (end + 4 > max_bytes_) return refuse(431);
  size_ = end + 4;
  return read(buffer.substr(0, end + 2));
}

HeadFraming::State HeadFraming::read(std::string_view head) {
  bool has_length = false;
  std::size_t line_begin = head.find("\r\n") + 2;
  const std::string_view first_line = head.substr(0, line_begin - 2);
  if (has_control(first_line)) return refuse(400);
  while (line_begin < head.size()) {
    const std::size_t line_end = head.find("\r\n", line_begin);
    const std::string_view line = head.substr(line_begin, line_end - line_begin);
    line_begin = line_end + 2;
    const std::size_t colon = line.find(':');
    // No name, a folded line, a space before the colon, a lone CR or LF: servers differ on each.
    if (colon == std::string_view::npos || !is_token(line.substr(0, colon)) || has_control(line))
      return refuse(400);
    const std::string name = lower(line.substr(0, colon));
    const std::string_view value = trim(line.substr(colon + 1));
    if (name == "content-length") {
      if (has_length || !parse_whole(value, 10, body_.length)) return refuse(400);
      has_length = true;
    } else if (name == "transfer-encoding") {
      if (body_.chunked || lower(value) != "chunked") return refuse(501);
      body_.chunked = true;
    } else if (name == "expect") {
      body_.expects_continue = lower(value) == "100-continue";
    } else if (name == "x-forwarded-for") {
      forwarded_for_.append(forwarded_for_.empty() ? "" : ",").append(value);
    }
  }
  if (has_length && body_.chunked) return refuse(400);
  // A proxy of HTTP/1.0's days knows no chunks and would see the end elsewhere.
  if (body_.chunked && (first_line.size() < 8 || first_line.substr(first_line.size() - 8) != "HTTP/1.1"))
    return refuse(400);
  return State::whole;
}

BodyFraming::BodyFraming(const BodyFacts& facts, std::uint64_t max_bytes)
    : max_bytes_(max_bytes),
      phase_(facts.chunked      ? Phase::size_line
             : facts.length > 0 ? Phase::counted
                                : Phase::done),
      left_(facts.length) {}

bool BodyFraming::refuse(int status) {
  status_ = status;
  return false;
}

BodyFraming::Step BodyFraming::take(std::string_view bytes, std::size_t skipped) {
  const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size() - skipped));
  if (size == 0) return {State::more, {}, skipped};
  left_ -= size;
  taken_ += size;
  if (left_ == 0) phase_ = phase_ == Phase::counted ? Phase::done : Phase::chunk_end;
  return {State::piece, bytes.substr(skipped, size), skipped + size};
}

BodyFraming::Step BodyFraming::next(std::string_view bytes) {
  std::size_t at = 0;
  if (phase_ == Phase::counted && left_ > max_bytes_ - taken_) refuse(413);
  while (status_ == 0) {
    if (phase_ == Phase::done) return {State::whole, {}, at};
    if (phase_ == Phase::counted || phase_ == Phase::chunk) return take(bytes, at);
    if (phase_ == Phase::chunk_end) {
      if (bytes.size() - at < 2) return {State::more, {}, at};
      if (bytes.substr(at, 2) != "\r\n") {
        refuse(400);
        break;
      }
      at += 2;
      phase_ = Phase::size_line;
    }
    const std::size_t end = bytes.find("\r\n", at);
    if (end == std::string_view::npos) {
      if (bytes.size() - at <= max_chunk_line) return {State::more, {}, at};
      refuse(400);
      break;
    }
    if (!read_line(bytes.substr(at, end - at))) break;
    at = end + 2;
  }
  return {State::refused, {}, at};
}

/// A chunk's size line, or a trailer's.
bool BodyFraming::read_line(std::string_view line) {
  if (line.size() + 2 > max_chunk_line || has_control(line)) return refuse(400);
  around_ += line.size() + 4;
  if (around_ > max_around_body + 8 * taken_) return refuse(400);
  if (phase_ == Phase::trailer) {
    if (line.empty()) phase_ = Phase::done;
    return true;
  }
  std::uint64_t chunk = 0;
  if (!parse_whole(trim(line.substr(0, line.find(';'))), 16, chunk)) return refuse(400);
  if (chunk > max_bytes_ - taken_) return refuse(413);
  left_ = chunk;
  phase_ = chunk == 0 ? Phase::trailer : Phase::chunk;
  return true;
}

}  // namespace opencat::http
