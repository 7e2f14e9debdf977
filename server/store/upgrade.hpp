// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <optional>

namespace opencat {

/// Whether opening the database would change its tables: it is of an older opencat. Throws as opening does.
bool wants_migration(const std::filesystem::path& database);

/// Before an older database is migrated: a whole copy beside it, of which this is the name; nothing for one
/// that needs no migration. A copy of that schema that was made before is replaced. Throws as
/// back_up_database() does, and then nothing must be migrated.
std::optional<std::filesystem::path> back_up_before_migration(const std::filesystem::path& database);

}  // namespace opencat
