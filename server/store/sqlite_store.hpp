// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <memory>

#include "server/store/admin_store.hpp"

namespace opencat {

/// A Store in one SQLite file (WAL; every group of changes is synced to the disk before anyone hears that it
/// is done). Applies missing migrations when it opens. Throws Error(usage) for a file that is damaged, no
/// database, or newer than this program, saying what to do; nothing is changed then. Later errors name no
/// file: they may reach clients.
std::unique_ptr<AdminStore> open_sqlite_store(const std::filesystem::path& file, const StoreOptions& options);

}  // namespace opencat
