// SPDX-License-Identifier: MIT
#include "server/routes/query.hpp"

#include <charconv>
#include <chrono>

#include "opencat/error.hpp"
#include "opencat/text.hpp"

namespace opencat::routes {

namespace {

/// Digits only, all of them.
bool parse_digits(std::string_view text, std::int64_t& number) {
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  return !text.empty() && text.front() != '-' && problem == std::errc{} && end == text.data() + text.size();
}

bool is_date(std::string_view text) {
  std::int64_t year = 0;
  std::int64_t month = 0;
  std::int64_t day = 0;
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') return false;
  if (!parse_digits(text.substr(0, 4), year) || !parse_digits(text.substr(5, 2), month) ||
      !parse_digits(text.substr(8, 2), day)) {
    return false;
  }
  return std::chrono::year_month_day{std::chrono::year{static_cast<int>(year)},
                                     std::chrono::month{static_cast<unsigned>(month)},
                                     std::chrono::day{static_cast<unsigned>(day)}}
      .ok();
}

}  // namespace

std::string query_text(const http::Request& request, const char* name, std::size_t max_bytes) {
  const std::string* text = request.query_value(name);
  if (text == nullptr) return {};
  if (text->size() > max_bytes) {
    throw Error(ErrorKind::usage,
                std::string("'") + name + "' may have at most " + std::to_string(max_bytes) + " bytes");
  }
  // SQLite's LIKE would end the text there, and find everything.
  if (text->find('\0') != std::string::npos) {
    throw Error(ErrorKind::usage, std::string("'") + name + "' may not hold a NUL");
  }
  return *text;
}

std::int64_t query_number(const http::Request& request, const char* name, std::int64_t low, std::int64_t high,
                          std::int64_t if_absent) {
  const std::string* text = request.query_value(name);
  if (text == nullptr || text->empty()) return if_absent;
  std::int64_t number = 0;
  if (!parse_digits(*text, number) || number < low || number > high) {
    throw Error(ErrorKind::usage, std::string("'") + name + "' must be a whole number from " +
                                      std::to_string(low) + " to " + std::to_string(high));
  }
  return number;
}

std::string query_date(const http::Request& request, const char* name, const std::string& if_absent) {
  const std::string* text = request.query_value(name);
  if (text == nullptr || text->empty()) return if_absent;
  if (!is_date(*text)) {
    throw Error(ErrorKind::usage, std::string("'") + name + "' must be a day such as 2026-01-31");
  }
  return *text;
}

void refuse_choice(const char* name, const std::vector<std::string>& names) {
  throw Error(ErrorKind::usage, std::string("'") + name + "' must be one of " + join(names, ", "));
}

}  // namespace opencat::routes
