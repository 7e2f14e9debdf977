// SPDX-License-Identifier: MIT
#include "server/domain/window_log.hpp"

#include <algorithm>
#include <charconv>

namespace opencat {

namespace chrono = std::chrono;

namespace {

constexpr std::size_t max_marks = 600;

/// Takes a number from the text's beginning.
std::optional<std::int64_t> take_number(std::string_view& text) {
  std::int64_t number = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (problem != std::errc{} || number < 0) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

/// Whether the text begins with `sign`, which is taken from it then.
bool take_sign(std::string_view& text, std::string_view sign) {
  if (text.substr(0, sign.size()) != sign) return false;
  text.remove_prefix(sign.size());
  return true;
}

}  // namespace

std::optional<WindowLog> WindowLog::parse(std::string_view text) {
  WindowLog log;
  Moment before{};
  while (!text.empty()) {
    if (!log.marks_.empty() && !take_sign(text, ",+")) return std::nullopt;
    const auto later = take_number(text);
    const auto events = later && take_sign(text, "x") ? take_number(text) : std::optional<std::int64_t>{1};
    if (!later || !events) return std::nullopt;
    before += chrono::milliseconds{*later};
    log.marks_.push_back({before, *events});
  }
  return log;
}

std::string WindowLog::text() const {
  std::string text;
  Moment before{};
  for (const Mark& mark : marks_) {
    if (!text.empty()) text += ",+";
    text += std::to_string((mark.at - before).count());
    if (mark.events > 1) text.append("x").append(std::to_string(mark.events));
    before = mark.at;
  }
  return text;
}

chrono::seconds WindowLog::take(std::size_t limit, chrono::seconds window, Moment now) {
  if (limit == 0) return std::max(chrono::seconds{1}, window);
  std::erase_if(marks_, [&](const Mark& mark) { return mark.at <= now - window; });
  std::int64_t held = 0;
  for (const Mark& mark : marks_) held += mark.events;
  const auto most = static_cast<std::int64_t>(limit);
  if (held >= most) {
    // The limit may have been lowered since: then more than the oldest have to go.
    std::int64_t left = held;
    for (const Mark& mark : marks_) {
      left -= mark.events;
      if (left < most)
        return std::max(chrono::seconds{1}, chrono::ceil<chrono::seconds>(mark.at + window - now));
    }
  }
  Moment at = now;
  if (limit > max_marks) {
    const auto grain = std::max<std::int64_t>(1, chrono::milliseconds(window).count() / max_marks);
    at = Moment{chrono::milliseconds{(at.time_since_epoch().count() + grain - 1) / grain * grain}};
  }
  at = std::max(at, newest());
  if (marks_.empty() || marks_.back().at < at) marks_.push_back({at, 0});
  ++marks_.back().events;
  return chrono::seconds{0};
}

}  // namespace opencat
