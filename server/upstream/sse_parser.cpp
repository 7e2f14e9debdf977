// SPDX-License-Identifier: MIT
#include "server/upstream/sse_parser.hpp"

#include <algorithm>

#include "opencat/error.hpp"

namespace opencat {

namespace {

/// Where the text's first line ends: its first CR or LF. find_first_of() would go byte by byte.
std::size_t line_end(std::string_view text) {
  const std::size_t line_feed = text.find('\n');
  return std::min(line_feed, text.substr(0, line_feed).find('\r'));
}

}  // namespace

void SseParser::feed(std::string_view piece) {
  while (!piece.empty()) {
    if (after_cr_ && piece.front() == '\n') piece.remove_prefix(1);
    after_cr_ = false;
    const std::size_t end = line_end(piece);
    if (end == std::string_view::npos) {
      line_ += piece;
      if (line_.size() + data_.size() > max_event_bytes) {
        throw Error(ErrorKind::network, "the upstream sent an event that is too long");
      }
      return;
    }
    after_cr_ = piece[end] == '\r';
    if (line_.empty()) {
      take_line(piece.substr(0, end));
    } else {
      line_ += piece.substr(0, end);
      take_line(line_);
      line_.clear();
    }
    piece.remove_prefix(end + 1);
  }
}

void SseParser::finish() {
  if (!line_.empty()) take_line(line_);
  line_.clear();
  dispatch();
}

void SseParser::take_line(std::string_view line) {
  constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
  if (at_start_ && line.substr(0, 3) == byte_order_mark) line.remove_prefix(3);
  at_start_ = false;
  if (line.empty()) return dispatch();

  const std::size_t colon = line.find(':');
  const std::string_view field = line.substr(0, colon);
  std::string_view value = colon == std::string_view::npos ? std::string_view() : line.substr(colon + 1);
  if (!value.empty() && value.front() == ' ') value.remove_prefix(1);
  if (field == "data") {
    if (has_data_) data_ += '\n';
    has_data_ = true;
    data_ += value;
    if (data_.size() > max_event_bytes) {
      throw Error(ErrorKind::network, "the upstream sent an event that is too long");
    }
  } else if (field == "event") {
    type_ = value;
  }
}

void SseParser::dispatch() {
  if (has_data_) on_event_({type_, data_});
  type_.clear();
  data_.clear();
  has_data_ = false;
}

void append_sse(std::string& bytes, const SseEvent& event) {
  if (!event.type.empty()) bytes.append("event: ").append(event.type).append("\n");
  std::string_view rest = event.data;
  for (std::size_t end; (end = rest.find('\n')) != std::string_view::npos; rest.remove_prefix(end + 1)) {
    bytes.append("data: ").append(rest.substr(0, end)).append("\n");
  }
  bytes.append("data: ").append(rest).append("\n\n");
}

std::string sse_bytes(const SseEvent& event) {
  std::string bytes;
  append_sse(bytes, event);
  return bytes;
}

}  // namespace opencat
