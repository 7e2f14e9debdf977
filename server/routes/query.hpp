// SPDX-License-Identifier: MIT
// A query's values, checked. All throw Error(usage) that names the value and what it may be.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "server/http/message.hpp"

namespace opencat::routes {

/// A text of at most `max_bytes`, "" when it is absent.
std::string query_text(const http::Request& request, const char* name, std::size_t max_bytes);

/// A whole number from `low` to `high`.
std::int64_t query_number(const http::Request& request, const char* name, std::int64_t low, std::int64_t high,
                          std::int64_t if_absent);

/// One of the names; its value. Absent or empty is the first.
template <class Value>
Value query_choice(const http::Request& request, const char* name,
                   const std::vector<std::pair<std::string, Value>>& choices);

/// A day of the calendar, "2026-11-23".
std::string query_date(const http::Request& request, const char* name, const std::string& if_absent);

/// Throws for a value that is none of `names`.
[[noreturn]] void refuse_choice(const char* name, const std::vector<std::string>& names);

template <class Value>
Value query_choice(const http::Request& request, const char* name,
                   const std::vector<std::pair<std::string, Value>>& choices) {
  const std::string* text = request.query_value(name);
  if (text == nullptr || text->empty()) return choices.front().second;
  std::vector<std::string> names;
  for (const auto& [choice, value] : choices) {
    if (choice == *text) return value;
    if (!choice.empty()) names.push_back(choice);
  }
  refuse_choice(name, names);
}

}  // namespace opencat::routes
