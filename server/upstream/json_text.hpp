// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>

namespace opencat {

/// Whether `text` is one JSON value (RFC 8259) in valid UTF-8. Numbers may be of any size, since they are
/// only passed on: nlohmann's accept() refuses those that no double holds. Depth costs one bit, never stack.
bool is_json(std::string_view text);

/// Whether JSON may have a member of a name, given with its closing quote: a quick look at what mostly has
/// none. The opening quote is left out since the search goes from one place of the first character to the
/// next, and JSON is full of quotes.
inline bool may_have_member(std::string_view json, std::string_view name_and_quote) {
  return json.find(name_and_quote) != std::string_view::npos;
}

}  // namespace opencat
