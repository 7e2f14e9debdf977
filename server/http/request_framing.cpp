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

}  // namespace

RequestFraming::State RequestFraming::refuse(int status) {
  status_ = status;
  return State::refused;
}

RequestFraming::State RequestFraming::look(std::string_view buffer) {
  if (head_size_ == 0) {
    const std::size_t end = buffer.find("\r\n\r\n", searched_);
    if (end == std::string_view::npos) {
      // A line that ends in a bare LF: some servers would take the head as ended.
      for (std::size_t at = searched_; (at = buffer.find('\n', at)) != std::string_view::npos; ++at) {
        if (at == 0 || buffer[at - 1] != '\r') return refuse(400);
      }
      searched_ = buffer.size() < 3 ? 0 : buffer.size() - 3;
      return buffer.size() > limits_.max_head_bytes ? refuse(431) : State::more;
    }
    if (end + 4 > limits_.max_head_bytes) return refuse(431);
    const State state = read_head(buffer.substr(0, end + 2));
    if (state == State::refused) return state;
    head_size_ = end + 4;
    chunk_at_ = head_size_;
  }
  const State state = [&] {
    if (chunked_) return look_at_chunks(buffer);
    size_ = head_size_ + static_cast<std::size_t>(content_length_);
    return buffer.size() < size_ ? State::more : State::whole;
  }();
  if (state == State::more && expects_continue_ && buffer.size() == head_size_) {
    expects_continue_ = false;
    return State::continue_wanted;
  }
  return state;
}

RequestFraming::State RequestFraming::read_head(std::string_view head) {
  bool has_length = false;
  std::size_t line_begin = head.find("\r\n") + 2;
  if (has_control(head.substr(0, line_begin - 2))) return refuse(400);
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
      if (has_length || !parse_whole(value, 10, content_length_)) return refuse(400);
      has_length = true;
    } else if (name == "transfer-encoding") {
      if (chunked_ || lower(value) != "chunked") return refuse(501);
      chunked_ = true;
    } else if (name == "expect") {
      expects_continue_ = lower(value) == "100-continue";
    }
  }
  if (has_length && chunked_) return refuse(400);
  // A proxy of HTTP/1.0's days knows no chunks and would see the end elsewhere.
  const std::string_view first_line = head.substr(0, head.find("\r\n"));
  if (chunked_ && (first_line.size() < 8 || first_line.substr(first_line.size() - 8) != "HTTP/1.1"))
    return refuse(400);
  if (content_length_ > limits_.max_body_bytes) return refuse(413);
  return State::more;
}

RequestFraming::State RequestFraming::look_at_chunks(std::string_view buffer) {
  while (true) {
    const std::size_t line_end = buffer.find("\r\n", chunk_at_);
    if (line_end == std::string_view::npos) {
      return buffer.size() > chunk_at_ && buffer.size() - chunk_at_ > max_chunk_line ? refuse(400)
                                                                                     : State::more;
    }
    const std::string_view line = buffer.substr(chunk_at_, line_end - chunk_at_);
    if (line.size() + 2 > max_chunk_line || has_control(line)) return refuse(400);
    // All of the request is kept until it is whole, so what is not body needs a bound, too. Chunks of one
    // byte stay below it.
    const std::uint64_t around_body = line_end - head_size_ - chunk_bytes_;
    if (around_body > limits_.max_head_bytes + 8 * chunk_bytes_) return refuse(400);
    if (in_trailer_) {
      if (!line.empty() && trailer_at_ == 0) trailer_at_ = chunk_at_;
      chunk_at_ = line_end + 2;
      if (!line.empty()) continue;
      size_ = chunk_at_;
      return State::whole;
    }
    std::uint64_t chunk = 0;
    if (!parse_whole(trim(line.substr(0, line.find(';'))), 16, chunk)) return refuse(400);
    if (chunk > limits_.max_body_bytes || chunk_bytes_ + chunk > limits_.max_body_bytes) return refuse(413);
    if (chunk == 0) {
      in_trailer_ = true;
      chunk_at_ = line_end + 2;
      continue;
    }
    const std::size_t chunk_end = line_end + 2 + static_cast<std::size_t>(chunk);
    if (buffer.size() < chunk_end + 2) return State::more;
    if (buffer.substr(chunk_end, 2) != "\r\n") return refuse(400);
    chunk_bytes_ += chunk;
    chunk_at_ = chunk_end + 2;
  }
}

}  // namespace opencat::http
