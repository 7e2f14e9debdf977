// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "opencat/platform.hpp"

namespace opencat {

/// Reads opencat's own executables for those of the platforms that `folder` has, named as releases name them
/// (opencat-linux-x64, opencat-win-x64.exe), by the platform's name. Each is checked against SHA256SUMS
/// there, if there is one. What could not be had or checked is `say`'s, a line each. Throws Error(usage) when
/// there is none for any of them or one is no program of its system, Error(integrity) when a digest is wrong.
std::map<std::string, std::string> read_opencat_programs(const std::filesystem::path& folder,
                                                         const std::vector<Platform>& platforms,
                                                         const std::function<void(const std::string&)>& say);

}  // namespace opencat
