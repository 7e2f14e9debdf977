// SPDX-License-Identifier: MIT
// The names in a server's data folder.
#pragma once

#include <filesystem>
#include <memory>

#include "opencat/file.hpp"

namespace opencat::server_data {

inline std::filesystem::path database(const std::filesystem::path& folder) { return folder / "opencat.db"; }
inline std::filesystem::path admin_secret(const std::filesystem::path& folder) {
  return folder / "admin-secret";
}
inline std::filesystem::path enroll_key(const std::filesystem::path& folder) { return folder / "enroll-key"; }
/// Where the server that has the folder listens; only there while it does.
inline std::filesystem::path address(const std::filesystem::path& folder) { return folder / "address"; }

/// Held by whoever serves the folder. Throws Error(unavailable) when another does.
inline std::unique_ptr<FileLock> lock(const std::filesystem::path& folder, int handed_over = -1) {
  if (handed_over >= 0) return std::make_unique<FileLock>(handed_over);
  return std::make_unique<FileLock>(
      folder / "lock", FileLock::Wait::never,
      "another opencat serves " + folder.string() + "; stop it, or name another --data-dir");
}

}  // namespace opencat::server_data
