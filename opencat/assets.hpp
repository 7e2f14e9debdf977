// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace opencat {

/// A file that the build put into the executable (cmake/assets.cmake).
struct Asset {
  std::string_view name;   ///< e.g. "templates/install.sh"
  std::string_view bytes;  ///< lives as long as the program
};

/// The asset of that name; throws Error(failed) when the build has none: that is a mistake in the build.
std::string_view asset(std::string_view name);

/// All assets whose name begins with `prefix`, sorted by name.
std::vector<Asset> assets_under(std::string_view prefix);

}  // namespace opencat
