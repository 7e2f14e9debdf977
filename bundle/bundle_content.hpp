// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "bundle/shared_bundle.hpp"

namespace opencat {

/// The doors, setup.mjs and the app for a platform, sorted by name; named below the bundle's root. Files of
/// bundled dependencies live in `scratch`.
std::vector<ZipEntry> bundle_content(const BundlePlan& plan, const Platform& platform,
                                     const std::filesystem::path& scratch, const std::stop_token& stop);

/// Throws Error(usage), naming the first, for names that would not unpack on the platform, or not on every
/// installer: paths that lead elsewhere, devices of Windows, characters that it has not, and names that
/// differ in case alone. `names` are below the bundle's root.
void check_names(const std::vector<std::string>& names, const Platform& platform);

/// The longest of the names, if it may become too long for a PC with Windows; else nothing.
std::optional<std::string> too_long_for_windows(const std::vector<std::string>& names);

}  // namespace opencat
