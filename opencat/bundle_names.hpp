// SPDX-License-Identifier: MIT
// The names by which a bundle is known from outside, to who makes, installs and offers it.
#pragma once

#include <string>

#include "opencat/platform.hpp"

namespace opencat::layout {

/// The one folder that every entry of a zip is under.
inline constexpr const char* root = "opencat-portable";
inline constexpr const char* bundle_file = "bundle.json";
/// Only with a pre-allocated token; it holds that token, so its mode is 0600.
inline constexpr const char* token_file = "token.json";

/// "opencat-portable-linux-x64.zip"
inline std::string zip_name(const Platform& platform) {
  return std::string(root) + "-" + platform.name() + ".zip";
}

}  // namespace opencat::layout
