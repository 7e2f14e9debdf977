// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace opencat {

/// One server-sent event.
struct SseEvent {
  std::string_view type;  ///< its `event:` field; "" when it has none
  std::string_view data;  ///< its data lines, joined by line feeds
};

/// Reads server-sent events as the HTML standard defines them (section 9.2.6), from pieces cut anywhere: the
/// events are the same for every cut. Lines may end in LF, CRLF or CR; comments and unknown fields are passed
/// over; a byte order mark at the start is too. Differs from the standard in one thing: an event that the
/// stream's end cuts short of its blank line is given out by finish(), for some upstreams leave the last
/// line's end away.
class SseParser {
 public:
  using OnEvent = std::function<void(const SseEvent& event)>;

  /// Longer events are not read: feed() then throws Error(network).
  static constexpr std::size_t max_event_bytes = 16 << 20;

  explicit SseParser(OnEvent on_event) : on_event_(std::move(on_event)) {}

  void feed(std::string_view piece);
  /// The stream has ended.
  void finish();

 private:
  void take_line(std::string_view line);
  void dispatch();

  OnEvent on_event_;
  std::string line_;  ///< the begin of a line whose end has not come
  std::string type_;
  std::string data_;
  bool has_data_ = false;
  bool after_cr_ = false;  ///< a CR ended the last line, so a LF right behind it ends nothing
  bool at_start_ = true;
};

/// Appends the event as it is sent, ending in its blank line.
void append_sse(std::string& bytes, const SseEvent& event);
std::string sse_bytes(const SseEvent& event);

}  // namespace opencat
