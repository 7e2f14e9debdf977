// SPDX-License-Identifier: MIT
// Names inside a bundle: the contract between its maker, its installer and templates/setup.mjs.
#pragma once

#include <filesystem>
#include <string>

#include "opencat/bundle_names.hpp"
#include "opencat/platform.hpp"

namespace opencat::layout {

inline constexpr int format = 1;
inline constexpr const char* setup = "setup.mjs";
inline constexpr const char* app_folder = "lib/app";
inline constexpr const char* node_folder = "tools/node";

/// opencat itself, in a bundle that brings it.
inline std::string opencat_program(const Platform& platform) {
  return std::string("tools/opencat/opencat") + (platform.is_windows() ? ".exe" : "");
}

/// Within a runtime's folder, as the official archives lay it out.
inline std::string node_program(const Platform& platform) {
  return platform.is_windows() ? "node.exe" : "bin/node";
}
inline std::string npm_folder(const Platform& platform) {
  return platform.is_windows() ? "node_modules/npm" : "lib/node_modules/npm";
}
inline std::string npm_program(const Platform& platform) { return npm_folder(platform) + "/bin/npm-cli.js"; }

}  // namespace opencat::layout
