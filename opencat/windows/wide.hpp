// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>
#include <system_error>

namespace opencat::windows {

/// UTF-8 as Windows' functions want it, and back. What is no UTF-8 becomes U+FFFD.
std::wstring wide(std::string_view text);
std::string narrow(std::wstring_view text);

/// The last call's failure; `errno` gets what POSIX would have said.
std::error_code last_error();

}  // namespace opencat::windows
