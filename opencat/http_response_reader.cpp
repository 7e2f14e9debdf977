// SPDX-License-Identifier: MIT
#include "opencat/http_response_reader.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

#include "opencat/text.hpp"

namespace opencat {

namespace {

/// Of a chunk's size line; what stands behind the size is of no use to anyone.
constexpr std::size_t max_line_bytes = 16 << 10;

std::optional<std::uint64_t> number_of(std::string_view text, int base) {
  std::uint64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, problem] = std::from_chars(text.data(), end, value, base);
  if (problem != std::errc{} || stop != end || text.empty()) return std::nullopt;
  return value;
}

std::string_view without_line_end(std::string_view line) {
  if (line.ends_with('\n')) line.remove_suffix(1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

/// Calls `each` with the items of all headers of that name, in lower case and without parameters.
template <class Each>
void for_each_item(const HttpHeaders& headers, std::string_view name, const Each& each) {
  for (const auto& [key, value] : headers) {
    if (lower(key) != name) continue;
    for (const std::string& item : split(value, ',')) each(lower(std::string(trim(item))));
  }
}

}  // namespace

bool HttpResponseReader::fail(std::string why) {
  failure_ = std::move(why);
  return false;
}

std::string_view HttpResponseReader::feed(char* data, std::size_t size) {
  std::string_view input(data, size);
  char* target = data;
  begun_ = begun_ || size > 0;
  while (failure_.empty() && !complete() && step(input, target)) {
  }
  leftover_ = leftover_ || (complete() && !input.empty());
  return {data, static_cast<std::size_t>(target - data)};
}

bool HttpResponseReader::step(std::string_view& input, char*& target) {
  switch (state_) {
    case State::head:
      return read_head(input);
    case State::to_length:
    case State::to_close:
    case State::chunk:
      return pass_body(input, target);
    case State::chunk_size:
      return read_chunk_size(input);
    case State::chunk_end:
      if (!read_line(input)) return false;
      if (!without_line_end(line_).empty()) return fail("a chunk is longer than it said");
      line_.clear();
      state_ = State::chunk_size;
      return true;
    case State::trailer:
      if (!read_line(input)) return false;
      if (without_line_end(line_).empty()) state_ = State::complete;
      line_.clear();
      return true;
    case State::complete:
      break;
  }
  return false;
}

/// Up to its line feed, into line_.
bool HttpResponseReader::read_line(std::string_view& input) {
  const std::size_t end = input.find('\n');
  const std::string_view part = input.substr(0, end == std::string_view::npos ? input.size() : end + 1);
  line_ += part;
  input.remove_prefix(part.size());
  if (state_ == State::trailer) seen_ += part.size();
  if (line_.size() > max_line_bytes || seen_ > max_head_bytes) return fail("a line of it is too long");
  return end != std::string_view::npos;
}

bool HttpResponseReader::read_head(std::string_view& input) {
  while (!input.empty()) {
    const std::size_t end = input.find('\n');
    const std::string_view part = input.substr(0, end == std::string_view::npos ? input.size() : end + 1);
    line_ += part;
    input.remove_prefix(part.size());
    // What begins otherwise is no HTTP, and waiting for more of it would be in vain.
    const std::string_view begin = std::string_view(line_).substr(0, 7);
    if (std::string_view("HTTP/1.").substr(0, begin.size()) != begin) return fail("it is no HTTP/1.1");
    if (line_.size() > max_head_bytes) return fail("its head is too long");
    const bool is_over = line_.ends_with("\n\r\n") || line_.ends_with("\n\n");
    if (end == std::string_view::npos || !is_over) continue;
    parse_head();
    return failure_.empty();
  }
  return false;
}

bool HttpResponseReader::parse_status(std::string_view line) {
  // "HTTP/1.1 200 OK", and the reason may lack.
  if (line.size() < 12 || line[8] != ' ') return false;
  if (line.size() > 12 && line[12] != ' ') return false;
  is_http_1_0_ = line[7] == '0';
  const auto status = number_of(line.substr(9, 3), 10);
  status_ = static_cast<int>(status.value_or(0));
  return status_ >= 100;
}

void HttpResponseReader::parse_headers(std::string_view lines) {
  while (!lines.empty()) {
    const std::string_view line = lines.substr(0, lines.find('\n') + 1);
    lines.remove_prefix(line.size());
    const std::string_view text = without_line_end(line);
    if (text.empty()) break;
    if ((text.front() == ' ' || text.front() == '\t') && !headers_.empty()) {
      // A line that goes on, as it was usual once (RFC 9112, section 5.2).
      headers_.back().second.append(" ").append(trim(text));
      continue;
    }
    const std::size_t colon = text.find(':');
    if (colon == std::string_view::npos) continue;
    headers_.emplace_back(std::string(trim(text.substr(0, colon))),
                          std::string(trim(text.substr(colon + 1))));
  }
}

void HttpResponseReader::parse_head() {
  const std::string head = std::exchange(line_, {});
  const std::string_view text = head;
  const std::string_view first = text.substr(0, text.find('\n') + 1);
  if (!parse_status(without_line_end(first))) {
    fail("it is no HTTP/1.1");
    return;
  }
  if (status_ == 101) {
    fail("it changes to another protocol");
    return;
  }
  if (status_ < 200) return;
  parse_headers(text.substr(first.size()));
  choose_framing();
}

/// RFC 9112, section 6.3.
void HttpResponseReader::choose_framing() {
  bool close = false;
  bool asks_to_keep = false;
  for_each_item(headers_, "connection", [&](const std::string& item) {
    close = close || item == "close";
    asks_to_keep = asks_to_keep || item == "keep-alive";
  });
  keep_alive_ = !close && (!is_http_1_0_ || asks_to_keep);

  std::vector<std::string> codings;
  for_each_item(headers_, "transfer-encoding", [&](const std::string& item) { codings.push_back(item); });
  std::optional<std::uint64_t> length;
  bool lengths_differ = false;
  for_each_item(headers_, "content-length", [&](const std::string& item) {
    const auto one = number_of(item, 10);
    lengths_differ = lengths_differ || !one || (length && length != one);
    length = one;
  });

  if (status_ == 204 || status_ == 304) {
    state_ = State::complete;
  } else if (!codings.empty()) {
    if (codings.size() > 1 || codings.front() != "chunked") {
      fail("its transfer coding is unknown");
      return;
    }
    state_ = State::chunk_size;
    // Two words on where it ends: whoever stands between might have believed the other one.
    if (length || lengths_differ) keep_alive_ = false;
  } else if (lengths_differ) {
    fail("its length is no number");
  } else if (length) {
    left_ = *length;
    state_ = left_ == 0 ? State::complete : State::to_length;
  } else {
    keep_alive_ = false;
    state_ = State::to_close;
  }
}

bool HttpResponseReader::read_chunk_size(std::string_view& input) {
  if (!read_line(input)) return false;
  const std::string_view line = without_line_end(line_);
  const auto size = number_of(trim(line.substr(0, line.find(';'))), 16);
  if (!size) return fail("a chunk's size is no number");
  line_.clear();
  left_ = *size;
  state_ = left_ == 0 ? State::trailer : State::chunk;
  return true;
}

bool HttpResponseReader::pass_body(std::string_view& input, char*& target) {
  if (input.empty()) return false;
  std::size_t count = input.size();
  if (state_ != State::to_close) count = static_cast<std::size_t>(std::min<std::uint64_t>(count, left_));
  // Framing was taken away before it: it moves towards the begin, or stays.
  if (target != input.data()) std::memmove(target, input.data(), count);
  target += count;
  input.remove_prefix(count);
  if (state_ == State::to_close) return false;
  left_ -= count;
  if (left_ > 0) return false;
  state_ = state_ == State::chunk ? State::chunk_end : State::complete;
  return true;
}

void HttpResponseReader::end_of_input() {
  if (state_ == State::to_close)
    state_ = State::complete;
  else if (!complete() && failure_.empty())
    fail("the connection was closed in the middle");
}

}  // namespace opencat
