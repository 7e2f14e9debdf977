// SPDX-License-Identifier: MIT
#include "server/domain/token.hpp"

#include <algorithm>

namespace opencat {

namespace {

bool is_lower_hex(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }
bool is_hex(char c) { return is_lower_hex(c) || (c >= 'A' && c <= 'F'); }

}  // namespace

bool is_token(std::string_view text) {
  return text.size() == 36 && text.substr(0, 4) == "occ_" &&
         std::all_of(text.begin() + 4, text.end(), is_lower_hex);
}

const std::vector<std::string>& token_platforms() {
  static const std::vector<std::string> platforms{"win-x64",      "win-arm64", "darwin-x64",
                                                  "darwin-arm64", "linux-x64", "linux-arm64"};
  return platforms;
}

bool is_uuid(std::string_view text) {
  if (text.size() != 36) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? text[i] != '-' : !is_hex(text[i])) return false;
  }
  return true;
}

}  // namespace opencat
