// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <optional>
#include <set>
#include <stop_token>
#include <string>

#include <nlohmann/json.hpp>

namespace opencat {

/// What bundle.json says, `text` being its content, or that of none: throws Error(integrity) when it is none
/// or cannot be read, or lists a file in an unsafe place, Error(usage) when the bundle is for another
/// platform.
nlohmann::json check_description(const std::optional<std::string>& text);

/// Whether the folder has every listed file just as it is listed; more may be there.
bool has_all_files(const std::filesystem::path& folder, const nlohmann::json& bundle, std::stop_token stop);

/// Checks an unpacked bundle against its description: every file's SHA-256, but for those of `known`; a file
/// that is not listed is refused. Several threads read. Throws Error(integrity).
void check_files(const std::filesystem::path& folder, const nlohmann::json& bundle,
                 const std::set<std::string>& known, std::stop_token stop);

}  // namespace opencat
