// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <memory>
#include <stop_token>
#include <string>

#include "opencat/file.hpp"
#include "opencat/progress.hpp"

namespace opencat {

/// The lock on `file`, waited for while another process or thread holds it; then it says once who is waited
/// for: another opencat that fetches `title`. Throws Error(interrupted).
std::unique_ptr<FileLock> wait_for_lock(const std::filesystem::path& file, const std::string& title,
                                        Progress& progress, const std::stop_token& stop);

}  // namespace opencat
