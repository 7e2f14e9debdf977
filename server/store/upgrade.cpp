// SPDX-License-Identifier: MIT
#include "server/store/upgrade.hpp"

#include "server/store/backup.hpp"
#include "server/store/sqlite.hpp"

namespace opencat {

namespace fs = std::filesystem;

namespace {

/// The schema that the database has; nothing when there is none yet, or it is this program's.
std::optional<int> older_schema(const fs::path& database) {
  // An empty file is one whose first start was cut short.
  std::error_code absent;
  if (fs::file_size(database, absent) == 0 || absent) return std::nullopt;
  try {
    SQLite::Database opened = sqlite::connect(database, sqlite::Role::reader);
    const int version = opened.execAndGet("PRAGMA user_version").getInt();
    const bool older = version > 0 && version < sqlite::newest_schema();
    return older ? std::optional(version) : std::nullopt;
  } catch (const SQLite::Exception& problem) {
    sqlite::rethrow(problem, sqlite::Moment::opening, database);
  }
}

}  // namespace

bool wants_migration(const fs::path& database) { return older_schema(database).has_value(); }

std::optional<fs::path> back_up_before_migration(const fs::path& database) {
  const auto schema = older_schema(database);
  if (!schema) return std::nullopt;
  // Named by the schema and not by the time: what fails at each start must not fill the disk with copies.
  fs::path copy = database.parent_path() / (database.stem().string() + "-schema" + std::to_string(*schema) +
                                            database.extension().string());
  back_up_database(database, copy, {});
  return copy;
}

}  // namespace opencat
