// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "opencat/environment.hpp"

namespace opencat {

/// A system that a user's PC may be: Node's names for operating system and CPU, joined by a dash (`win` for
/// Windows as in Node's file names).
struct Platform {
  std::string os;   ///< "linux", "darwin" or "win"
  std::string cpu;  ///< "x64" or "arm64"

  std::string name() const { return os + "-" + cpu; }
  bool is_windows() const { return os == "win"; }
  bool operator==(const Platform&) const = default;
};

/// Every platform of the protocol, in a fixed order.
const std::vector<Platform>& known_platforms();

/// The platforms that `--platform all` means.
const std::vector<Platform>& bundled_platforms();

/// The platform of that name; throws Error(usage) that lists the names when there is none.
Platform parse_platform(std::string_view name);

/// The platform this program was built for.
Platform this_platform();

/// The user's home folder, or nothing on a system account without one.
std::optional<std::filesystem::path> home_folder(const Environment& environment);

/// Where this user's caches belong: $XDG_CACHE_HOME, ~/.cache, ~/Library/Caches or %LOCALAPPDATA%, with
/// /opencat. Throws Error(usage) when there is no home folder.
std::filesystem::path cache_folder(const Environment& environment);

/// Where this user's programs keep their data: $XDG_DATA_HOME, ~/.local/share, ~/Library/Application Support
/// or %LOCALAPPDATA%, with /opencat. Throws Error(usage) when there is no home folder.
std::filesystem::path data_folder(const Environment& environment);

/// Lets this process open as many files and sockets as the system allows it; by default it is told 1,024.
void raise_open_file_limit();

}  // namespace opencat
