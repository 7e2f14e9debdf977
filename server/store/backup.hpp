// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <filesystem>
#include <stop_token>

namespace opencat {

/// Copies the server's database as it is at this moment to `target`, also while it is written to: one file
/// with mode 0600, checked, on the disk, and under its name only once it is whole. Replaces what is there.
/// Its size in bytes. Throws Error(usage) for a source that is absent, damaged or newer, Error(integrity)
/// when the copy does not pass SQLite's check, Error(interrupted) when `stop` was requested.
std::uintmax_t back_up_database(const std::filesystem::path& database, const std::filesystem::path& target,
                                std::stop_token stop);

}  // namespace opencat
