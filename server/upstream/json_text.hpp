// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>

namespace opencat {

/// Whether `text` is one JSON value (RFC 8259) in valid UTF-8. Numbers may be of any size, since they are
/// only passed on: nlohmann's accept() refuses those that no double holds. Depth costs one bit, never stack.
bool is_json(std::string_view text);

}  // namespace opencat
