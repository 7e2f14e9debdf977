// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <stop_token>
#include <string>
#include <vector>

#include "bundle/app.hpp"
#include "bundle/runtime_cache.hpp"
#include "opencat/environment.hpp"

namespace opencat {

/// The npm that works on an app's dependencies: that of a fetched runtime for this machine, since resolving a
/// tree (peers, overrides, what is optional where) as npm does is npm's own trade. What it says goes to
/// stderr.
struct HostNpm {
  Runtime runtime;
  std::string registry;                ///< empty: what the environment and the user's .npmrc say
  std::filesystem::path cache_folder;  ///< of this program; npm's is below it
  Environment environment;
};

/// Whether the app has packages to install, and nothing says yet which versions of them.
bool lacks_lock(const App& app);

/// Adds a package-lock.json for all platforms to the app, so that every PC installs the same; without the
/// addresses of this machine's registry, so that every PC may use its own. `scratch` is an empty folder.
/// Throws Error(failed) when npm cannot.
void lock_dependencies(App& app, const HostNpm& npm, const std::filesystem::path& scratch,
                       std::stop_token stop);

/// Dependencies staged for a platform: node_modules with the native packages of that platform, scripts off
/// (they could only make what fits this machine). Left out are links (node_modules/.bin) and npm's notes to
/// itself. Entries are named below the app's folder; their files live in `scratch`, an empty folder. Any
/// thread may call it.
std::vector<ZipEntry> bundled_dependencies(const App& app, const Platform& target, const HostNpm& npm,
                                           const std::filesystem::path& scratch, std::stop_token stop);

}  // namespace opencat
