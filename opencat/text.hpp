// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace opencat {

/// The candidate with the fewest edits from `word`, if it is near enough to be what was meant.
std::optional<std::string> nearest(std::string_view word, const std::vector<std::string>& candidates);

/// In ASCII, whatever the locale.
std::string lower(std::string_view text);
std::string_view trim(std::string_view text);
std::vector<std::string> split(std::string_view text, char separator);
std::string join(const std::vector<std::string>& parts, std::string_view separator);
bool contains(const std::vector<std::string>& list, std::string_view value);

/// The beginning of a UTF-8 text: at most so many bytes, and no part of a character at its end.
std::string_view beginning(std::string_view text, std::size_t max_bytes);

/// "occ_1234…" → "occ_1234********": enough to recognise a secret by, too little to use it.
std::string masked(std::string_view secret, std::size_t shown = 8);

/// Text from outside as a terminal may show it: control characters, which could command it, become '?'.
std::string printable(std::string_view text);

/// `text` with everything that may not stand in a URL's path segment or query value percent-encoded (RFC
/// 3986).
std::string percent_encode(std::string_view text);

/// A size for people: "1.5 MB" (10^6 bytes, as `ls --si` and browsers say it).
std::string human_size(unsigned long long bytes);

}  // namespace opencat
