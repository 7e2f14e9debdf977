// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <stop_token>
#include <string>

#include "bundle/downloads.hpp"
#include "opencat/archive_reader.hpp"

namespace opencat {

/// A reader of an archive that unpacks it into the folder while it arrives, each time from the begin.
Downloads::Reader unpack_into(const std::filesystem::path& folder, const std::string& title,
                              const PlaceEntry& place, std::stop_token stop);

}  // namespace opencat
