// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "bundle/runtime_cache.hpp"
#include "bundle/zip_entry.hpp"
#include "opencat/environment.hpp"

namespace opencat {

/// The application that a bundle brings.
struct App {
  std::string name;
  std::string version;
  std::vector<std::string> start;            ///< its script, below the app's folder, and arguments
  std::map<std::string, std::string> title;  ///< by language: "en", "zh"
  std::vector<ZipEntry> files;               ///< named below the app's folder
};

/// The terminal chat app that is built in.
App built_in_app();

/// The app in a folder, as its package.json declares it: {"name", "version", "opencat": {"start": […],
/// "title": {…}}}; without that declaration it starts `main`. Left out are node_modules, .git and .npmrc,
/// which may hold secrets. Throws Error(usage) saying what is wrong with it.
App app_in_folder(const std::filesystem::path& folder);

/// Dependencies staged for a platform: node_modules with the native packages of that platform, made by npm of
/// the host's runtime, scripts off. Links (node_modules/.bin) are left out. Entries are named below the app's
/// folder; their files live in `scratch`.
std::vector<ZipEntry> bundled_dependencies(const App& app, const Platform& target, const Runtime& host,
                                           const std::string& registry,
                                           const std::filesystem::path& cache_folder,
                                           const Environment& environment,
                                           const std::filesystem::path& scratch, std::stop_token stop);

}  // namespace opencat
