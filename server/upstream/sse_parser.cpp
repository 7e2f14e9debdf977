// SPDX-License-Identifier: MIT
#include "server/upstream/sse_parser.hpp"

#include "opencat/error.hpp"

namespace opencat {

void SseParser::feed(std::string_view piece) {
  while (!piece.empty()) {
    if (after_cr_ && piece.front() == '\n') piece.remove_prefix(1);
    after_cr_ = false;
    const std::size_t end = piece.find_first_of("\r\n");
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

std::string sse_bytes(const SseEvent& event) {
  std::string bytes;
  bytes.reserve(event.data.size() + event.type.size() + 24);
  if (!event.type.empty()) bytes.append("event: ").append(event.type).append("\n");
  std::string_view rest = event.data;
  for (std::size_t end; (end = rest.find('\n')) != std::string_view::npos; rest.remove_prefix(end + 1)) {
    bytes.append("data: ").append(rest.substr(0, end)).append("\n");
  }
  return bytes.append("data: ").append(rest).append("\n\n");
}

}  // namespace opencat
